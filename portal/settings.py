"""The one settings file. Everything an operator sets comes from the environment; `env.example` lists it.

`manage.py up` keeps generated keys in DATA_DIR/secrets.env and the addresses of its embedded servers in
DATA_DIR/runtime.env, so that other commands find them.
"""

from __future__ import annotations

import secrets
import socket
import sys
from pathlib import Path

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal.lib.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

DATA_DIR = Path(env("DATA_DIR", default=".data"))
if not DATA_DIR.is_absolute():
    DATA_DIR = BASE_DIR / DATA_DIR
for _file in ("secrets.env", "runtime.env"):
    if (DATA_DIR / _file).is_file():
        env.read_env(str(DATA_DIR / _file))

COMMAND = "".join(sys.argv[1:2]) or "help" if Path(sys.argv[0]).name == "manage.py" else ""
# Only these go without. Web and workers with a made-up key each would sign people out and lose what others sealed.
NEEDS_NO_SECRETS = "mypy" in sys.modules or COMMAND in {
    *("up", "check", "makemigrations", "collectstatic", "gather_static", "compile_templates"),
    *("help", "--help", "-h", "version", "--version"),
}

SECRET_KEY = env("SECRET_KEY", default="")
if not SECRET_KEY and NEEDS_NO_SECRETS:
    SECRET_KEY = secrets.token_urlsafe(50)
if not SECRET_KEY:
    raise ImproperlyConfigured(
        f"SECRET_KEY is not set, and {DATA_DIR} holds none: `manage.py up` makes one there (is DATA_DIR the same?), "
        "or set it in the environment."
    )
FIELD_ENCRYPTION_KEYS: list[str] = env.words("FIELD_ENCRYPTION_KEYS")
if not FIELD_ENCRYPTION_KEYS and not NEEDS_NO_SECRETS:
    raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS is not set: comma-separated Fernet keys, the newest first.")

DEBUG = env.bool("DEBUG", default=False)
PORT = env.int("PORT", default=8000)
HOST = env("HOST", default="127.0.0.1")
ALLOWED_HOSTS: list[str] = env.words("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.words("CSRF_TRUSTED_ORIGINS")
PUBLIC_URL = env("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")

# Networks that connectors may reach although they are not public, and whether plain http targets are allowed.
EGRESS_ALLOW = env.networks("EGRESS_ALLOW")
EGRESS_ALLOW_HTTP = env.bool("EGRESS_ALLOW_HTTP", default=False)
# Where the delivery workers reach the built-in inbox: only this address is let through for an inbox connector.
INBOX_ADDRESS = (env("INBOX_HOST", default="127.0.0.1"), env.int("INBOX_PORT", default=PORT))

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "django_prometheus",
    "django_structlog",
    "heroicons",
    "pgtrigger",
    "pghistory",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "portal.runtime",
    "portal.checks",
    "portal.tenants",
    "portal.fleet",
    "portal.events",
    "connectors",
    "triggers",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "portal.lib.middleware.DatabaseAway",
    "django.middleware.security.SecurityMiddleware",
    "triggers.express.Express",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.lib.middleware.RequestLog",
    "portal.tenants.access.AccessMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "portal.tenants.context.shell",
                "connectors.context.counts",
            ],
            "libraries": {
                "charts": "portal.lib.templatetags.charts",
                "words": "portal.lib.templatetags.words",
            },
        },
    }
]

DATABASES = {"default": env.db("DATABASE_URL", default="postgresql://feeder@127.0.0.1:5432/feeder")}
DATABASES["default"].update(
    ENGINE="django.db.backends.postgresql",
    CONN_MAX_AGE=None,
    CONN_HEALTH_CHECKS=True,
    OPTIONS={
        "connect_timeout": 5,
        # A database host that vanishes without a word is noticed within half a minute, not a quarter of an hour.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        # What DATABASE_URL says after its question mark, such as sslmode, stays.
        **DATABASES["default"].get("OPTIONS", {}),
        "options": "-c timezone=UTC",
    },
)
# What the start counts database connections by; `up` and gunicorn take their numbers from the same variables.
WEB_WORKERS, WEB_THREADS = env.int("WEB_WORKERS", default=2), env.int("WEB_THREADS", default=8)
WORKERS = env.int("WORKERS", default=1)
ALLOW_DATA_LOSS = env.bool("ALLOW_DATA_LOSS", default=False)
REDIS_URL = env("REDIS_URL", default="redis://127.0.0.1:6379/0")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Holds the rate limits. Past its 300 entries by default it forgets a third of the callers, and with them their limits.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000}}}

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "portal.tenants.accounts.InvitationOnlyAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
# axes counts failed sign-ins, in the database and so for all web processes; allauth's own count is per process.
ACCOUNT_RATE_LIMITS = {"login_failed": None}
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 1
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "login"
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "account/locked.html"
AXES_IPWARE_PROXY_COUNT = env.int("PROXY_COUNT", default=0)

# Password resets and notices; without a mail server named, the text of the former goes to the log.
EMAIL = env.email_url("EMAIL_URL", default="consolemail://")
EMAIL_BACKEND = env("EMAIL_BACKEND", default="") or EMAIL["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT, EMAIL_FILE_PATH = EMAIL["EMAIL_HOST"], EMAIL["EMAIL_PORT"], EMAIL["EMAIL_FILE_PATH"] or None
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = EMAIL["EMAIL_HOST_USER"], EMAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL.get("EMAIL_USE_TLS", False), EMAIL.get("EMAIL_USE_SSL", False)
DEFAULT_FROM_EMAIL = env("EMAIL_FROM", default="feeder@localhost")
EMAIL_TIMEOUT = 10
# Channels by e-mail are refused unless somebody said how mail leaves.
MAIL_CONFIGURED = bool(env("EMAIL_URL", default="") or env("EMAIL_BACKEND", default=""))

SECURE_SSL = env.bool("SECURE_SSL", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL
SESSION_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_SSL else None
# Sending people from http to https is the proxy's: health probes and the built-in inbox come in beside it.
# Subdomains and the browsers' preload list are decisions about a whole domain, which is not ours.
SILENCED_SYSTEM_CHECKS = ["security.W008", "security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "portal.tenants.views.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ("/staff/",),
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "portal" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if env.bool("PLAIN_STATIC", default=False)
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.tenants.authentication.KeyAuthentication",
        "portal.tenants.authentication.BrowserSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["portal.tenants.authentication.HasAccess"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "portal.lib.paging.NewestFirst",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["portal.tenants.authentication.CallerThrottle"],
    "DEFAULT_THROTTLE_RATES": {"caller": env("API_RATE", default="1200/min")},
    "EXCEPTION_HANDLER": "portal.lib.problem.as_problem",
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "COERCE_DECIMAL_TO_STRING": False,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Feeder",
    "DESCRIPTION": "What happens on energy and IoT devices, delivered to partners' systems.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # Made outside a request, the document finds no organization. tests/rest/test_openapi.py checks the real one.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
}
INTAKE_BODY_LIMIT = env.int("INTAKE_BODY_LIMIT", default=4 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = INTAKE_BODY_LIMIT

# Where lower packages hand over what becomes an event, without importing upward.
EVENT_INTAKE = "triggers.intake.accept_events"

# How long history is kept, in days; docs/operators.md says what goes with what.
RETENTION_EVENTS_DAYS = env.int("RETENTION_EVENTS_DAYS", default=30)
RETENTION_READINGS_DAYS = env.int("RETENTION_READINGS_DAYS", default=30)
RETENTION_DELIVERIES_DAYS = env.int("RETENTION_DELIVERIES_DAYS", default=90)
RETENTION_ATTEMPTS_DAYS = env.int("RETENTION_ATTEMPTS_DAYS", default=90)

# How often silent devices are looked for, and how much longer than its deadline a device may be silent, in seconds.
CONNECTIVITY_SWEEP_MINUTES = env.one_of("CONNECTIVITY_SWEEP_MINUTES", ("1", "5", "10", "15", "20", "30"), default="15")
CONNECTIVITY_DEBOUNCE_SECONDS = env.int("CONNECTIVITY_DEBOUNCE_SECONDS", default=60)

# portal/checks/scheduling.py says which guarantee hangs on which of these, and refuses others at the start.
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 2,
    "socket_connect_timeout": 2,
    # A consumer only listens: a host that vanished without a word is noticed by the system within half a minute.
    "socket_keepalive": True,
    "socket_keepalive_options": {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3},
    "visibility_timeout": 3600,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_TIME_LIMIT = 300
CELERY_DB_REUSE_MAX = 1000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TIMEZONE = "UTC"
CELERY_IMPORTS = (
    "triggers.scheduled.retention",
    "triggers.scheduled.clock",
    "triggers.scheduled.aggregates",
    "triggers.scheduled.connectivity",
    "triggers.scheduled.faults",
    "connectors.telling",
    "connectors.noticing",
)
CELERY_BEAT_SCHEDULE = {
    "make partitions ahead": {
        "task": "triggers.scheduled.retention.make_partitions_ahead",
        "schedule": crontab(minute="7"),
    },
    "drop history that is too old": {
        "task": "triggers.scheduled.retention.drop_expired_days",
        "schedule": crontab(minute="27"),
    },
    "forget what is no longer needed": {
        "task": "triggers.scheduled.retention.forget_expired",
        "schedule": crontab(minute="17"),
    },
    # Due at 13:00; all ticks but that one find nothing to do, or make up for it.
    "aggregates of the day before": {
        "task": "triggers.scheduled.aggregates.aggregate_the_day_before",
        "schedule": crontab(minute="*/10"),
    },
    # What waits while no worker runs expires, or it would pile up. A worker judges that by its own clock, which may be
    # ahead of the scheduler's: hence twice as late as a clock that is off is told.
    "notices": {"task": "connectors.telling.tell", "schedule": 60.0, "options": {"expires": 120.0}},
    "what expires soon": {"task": "connectors.noticing.look_ahead", "schedule": crontab(minute="47", hour="*/6")},
    "take silent devices offline": {
        "task": "triggers.scheduled.connectivity.take_silent_offline",
        "schedule": crontab(minute=f"*/{CONNECTIVITY_SWEEP_MINUTES}"),
    },
    "let faults go that have lasted": {"task": "triggers.scheduled.faults.let_ripe_go", "schedule": 60.0},
    "forget faults and alarms": {"task": "triggers.scheduled.faults.forget_old", "schedule": crontab(minute="37")},
    "snapshots and heartbeats": {
        "task": "triggers.scheduled.clock.tick",
        "schedule": 1.0,
        "options": {"expires": 120.0},
    },
    "scheduler is alive": {"task": "triggers.scheduled.retention.note_alive", "schedule": 30.0},
}

# The delivery engine, hosted in each Celery worker.
DELIVERY_ENGINE = env.bool("DELIVERY_ENGINE", default=True)
DELIVERY_MAX_SOCKETS = env.int("DELIVERY_MAX_SOCKETS", default=4096)
DELIVERY_MAX_UNRECORDED = env.int("DELIVERY_MAX_UNRECORDED", default=5000)

LOG_LEVEL = env.one_of("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), default="INFO")
LOG_JSON = env.bool("LOG_JSON", default=False)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "portal.lib.logs.formatter", "json": LOG_JSON}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django_structlog": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "celery": {"level": "INFO"},
        # A line for each run of each scheduled job would bury the rest; failures are still told.
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "gunicorn": {"level": "INFO"},
    },
}

UNFOLD = {"SITE_TITLE": "Feeder staff", "SITE_HEADER": "Feeder staff", "SHOW_HISTORY": False}
