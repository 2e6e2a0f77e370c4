"""Configured accounts at providers: settings from the manifest, encrypted secrets, check, test, balance."""
