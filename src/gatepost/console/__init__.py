"""The console: the site, its navigation, the dashboard."""
