"""What every slice's api.py is built with: bodies, pages, storable values. The assembly is in gatepost.api."""
