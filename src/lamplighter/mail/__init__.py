"""E-mail: what it looks like (``message``), and how it leaves (``smtp``, ``provider``)."""
