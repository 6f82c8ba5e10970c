"""The commands of ``resonanz``, by what they do; :mod:`resonanz_streams.cli` gathers them."""
