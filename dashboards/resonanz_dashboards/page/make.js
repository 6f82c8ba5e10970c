// An element with its class and what stands in it. Text is text: nothing that comes from outside becomes markup.
export function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

// These children in this order, those that stand already untouched: focus and a reader's place stay.
export function arrange(element, children) {
  const { childNodes } = element;
  if (childNodes.length === children.length && children.every((it, i) => childNodes[i] === it)) return;
  element.replaceChildren(...children);
}

// What belongs together, in the order in which it comes.
export function gathered(items, keyOf) {
  const found = new Map();
  for (const it of items) {
    const key = keyOf(it);
    if (found.has(key)) found.get(key).push(it);
    else found.set(key, [it]);
  }
  return found;
}
