"""Which accounts are followed under which DID, and which handles nobody has told us the DID of yet."""

from collections.abc import Iterable, Sequence

from resonanz_connectors.jetstream import is_did
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.registry import Account


class Tracked:
    """``dids`` are followed, and ``raw`` are the same as bytes; ``handles`` are still to be resolved.

    Raises:
        ConfigurationError: an account's id is neither a DID nor a handle.
    """

    def __init__(self, accounts: Iterable[Account]) -> None:
        self.dids: dict[str, Account] = {}
        self.raw: set[bytes] = set()
        self.handles: dict[str, Account] = {}
        for account in accounts:
            native = account.id.partition(":")[2].removeprefix("@")
            if is_did(native):
                self.add(native, account)
            elif "." in native and ":" not in native:
                self.handles[native.lower()] = account
            else:
                raise ConfigurationError(
                    f"{account.id}: names no account of Bluesky; write bluesky: and a handle (winter.example)"
                    " or a DID (did:plc:…)"
                )

    def add(self, did: str, account: Account) -> bool:
        """Follow ``did`` for ``account``; False if another account has it already."""
        if self.dids.setdefault(did, account) is not account:
            return False
        self.raw.add(did.encode())
        return True

    def names(self) -> list[str]:
        """The accounts that are followed."""
        return [account.id for account in self.dids.values()]

    def check(self, connector: str, handles: Sequence[str]) -> None:
        """Whether all of ``handles`` are among the accounts.

        Raises:
            ConfigurationError: one is not.
        """
        known = {account.handle.lower() for account in self.dids.values() if account.handle}
        known |= self.handles.keys()
        for handle in handles:
            if handle.removeprefix("@").lower() not in known:
                raise ConfigurationError(
                    f"connectors.{connector}.handles: {handle} is no account; write under a client:"
                    f' accounts: ["bluesky:{handle}"]'
                )
