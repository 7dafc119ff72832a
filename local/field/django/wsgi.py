"""https://docs.djangoproject.com/en/5.2/howto/deployment/wsgi/gunicorn/, a project in one file."""

import os
import secrets

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY=secrets.token_hex(), DEBUG=False)
urlpatterns = [
    path("version", lambda request: JsonResponse({"commit": os.environ["COMMIT"]})),
    path("healthz", lambda request: HttpResponse("ok")),
]
application = get_wsgi_application()
