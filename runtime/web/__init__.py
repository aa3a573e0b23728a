"""The Litestar application: webhooks and health."""
