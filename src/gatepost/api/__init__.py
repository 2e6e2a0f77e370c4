"""The REST API, put together: who asks, errors, pages, documents. The routes live in the slices' api.py."""
