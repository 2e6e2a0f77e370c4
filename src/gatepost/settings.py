"""Django's settings, made from the installation's settings (config.py)."""

import secrets
from pathlib import Path
from urllib.parse import urljoin

from psycopg.conninfo import conninfo_to_dict

from gatepost import config
from gatepost.processes.liveness import lively

CONFIG = config.load()
DATA_DIR: Path = CONFIG["DATA_DIR"].absolute()


def _key(name: str) -> str:
    file = DATA_DIR / "keys" / name
    return file.read_text().strip() if file.exists() else ""


# Until `gatepost init` has run, nothing that a process signs is good in another one.
SECRET_KEY = CONFIG["SECRET_KEY"] or _key("secret-key") or secrets.token_urlsafe(32)
ENCRYPTION_KEYS: tuple[str, ...] = CONFIG["ENCRYPTION_KEYS"] or tuple(_key("encryption-key").split())
FILES_DIR = Path(CONFIG["FILES_DIR"]).absolute() if CONFIG["FILES_DIR"] else DATA_DIR / "files"
DEBUG: bool = CONFIG["DEBUG"]
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "gatepost.urls"
WSGI_APPLICATION = "gatepost.wsgi.application"
AUTH_USER_MODEL = "workspaces.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
FORM_RENDERER = "gatepost.pages.forms.Renderer"

INSTALLED_APPS = [
    # First, so that its templates of the account pages go before those that allauth brings.
    "gatepost.console",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "procrastinate.contrib.django",
    "gatepost.pages",
    "ninja",
    "gatepost.workspaces",
    "gatepost.gateways",
    "gatepost.routing",
    "gatepost.messages",
    "gatepost.dispatch",
    "gatepost.inbox",
    "gatepost.audience",
    "gatepost.texts",
    "gatepost.links",
    "gatepost.channels",
    "gatepost.campaigns",
]
MIDDLEWARE = [
    "gatepost.api.errors.problem_middleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "gatepost.console.navigation.context",
            ]
        },
    }
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]


def _database(url: str) -> dict[str, object]:
    parts = conninfo_to_dict(lively(url)) if url else {}
    known = ("dbname", "user", "password", "host", "port")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.get("dbname", "gatepost"),
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": parts.get("port", ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {name: value for name, value in parts.items() if name not in known},
    }


DATABASES = {"default": _database(CONFIG["DATABASE_URL"])}
# In the database, so that every node counts the same attempts to sign in; with room enough that nobody pushes the count
# of one account out by trying many others.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache_entry",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "gatepost.workspaces.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ADAPTER = "gatepost.workspaces.accounts.SecondFactorAdapter"
MFA_TOTP_ISSUER = "Gatepost"
# The clock of a phone may be half a minute off.
MFA_TOTP_TOLERANCE = 1
# No address is verified here: owners make the accounts, and there is no sign-up that could take one from its owner.
MFA_ALLOW_UNVERIFIED_EMAIL = True
# Browsers know passkeys on https and on localhost alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not CONFIG["PUBLIC_URL"].startswith("https://")

# Everything comes from our own origin; nothing is inline.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = CONFIG["PUBLIC_URL"].startswith("https://")
# Where TLS ends at a proxy, the browser's Origin says https and the request that arrives does not.
CSRF_TRUSTED_ORIGINS = [urljoin(CONFIG["PUBLIC_URL"], "/").rstrip("/")] if CONFIG["PUBLIC_URL"] else []
LOGGING_CONFIG = None
