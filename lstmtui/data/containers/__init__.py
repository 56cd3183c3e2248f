"""Texts in compressed files, archives, documents, mailboxes and tables."""
