"""The SQL store fulfils the contract of all stores, on each driver."""

from typed_sessions.testing import StoreContract, SyncStoreContract


class TestSQLAlchemyStore(StoreContract):
    keeps_bytes = True


class TestSyncSQLAlchemyStore(SyncStoreContract):
    keeps_bytes = True
