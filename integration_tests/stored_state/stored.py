"""What the makers of stored state share."""

import sqlite3


def keep(database, target):
    """A copy of a store that nobody has open, in one small file."""
    source = sqlite3.connect(database)
    source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    target.unlink(missing_ok=True)
    source.execute("VACUUM INTO ?", (str(target),))
    source.close()
