"""The real outside world behind the ports: the only files that import a vendor SDK."""
