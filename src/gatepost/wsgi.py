"""Django as a WSGI application, for the bridge of the intake."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatepost.settings")

application = get_wsgi_application()
