"""What people are told of: notices, the channels they go out by, and each one's way over a channel."""

from __future__ import annotations

from django.db import models

from portal.lib import crypto
from portal.tenants.audit import audited
from portal.tenants.scope import TenantModel


class ChannelKind(models.TextChoices):
    EMAIL = "email", "E-mail"
    SLACK = "slack", "Slack or compatible"


@audited(exclude=("sealed", "tested_at"))
class NoticeChannel(TenantModel):
    """Where an organization's notices go. A Slack webhook's URL is a secret: who has it can write there."""

    kind = models.CharField(max_length=10, choices=ChannelKind.choices)
    sealed = models.TextField(editable=False)
    shown = models.CharField(max_length=300, editable=False)
    """What may be seen of the address: an e-mail address is whole, a URL only its host."""
    tested_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.shown}"

    @property
    def _seal_name(self) -> str:
        return f"notice-channel:{self.id}"

    def set_address(self, address: str) -> None:
        self.sealed = crypto.seal(address, bound_to=self._seal_name)

    def get_address(self) -> str:
        """The address itself. Raises SecretUnreadable."""
        return crypto.unseal(self.sealed, bound_to=self._seal_name)


class Notice(TenantModel):
    """Something people should know. While it is `running`, repeats raise its count and make no other one."""

    kind = models.CharField(max_length=40)
    about = models.CharField(max_length=200)
    text = models.TextField()
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    told = models.PositiveIntegerField(default=0)
    """The count when its last messages were made; 0 before them."""
    told_at = models.DateTimeField(null=True)
    running = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "about"], condition=models.Q(running=True), name="notice_running_once"
            )
        ]
        indexes = [models.Index(fields=["organization", "-last_at"], name="notices_newest_first")]

    def __str__(self) -> str:
        return self.text


class NoticeMessage(TenantModel):
    """A notice on its way over one channel. `next_at` is when it is due; null when it is sent, or given up."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="messages")
    channel = models.ForeignKey(NoticeChannel, on_delete=models.CASCADE, related_name="messages")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(default="", blank=True)
    """Why the last try failed; empty when it did not."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notice", "channel"], name="notice_message_once")]
        indexes = [models.Index(fields=["next_at"], condition=~models.Q(next_at=None), name="notice_message_due")]

    def __str__(self) -> str:
        return f"{self.notice_id} over {self.channel_id}"
