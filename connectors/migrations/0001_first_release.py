import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
import portal.lib.uuid7
from django.db import migrations, models

from portal.lib import clock
from portal.lib.partitions import DailyTable, ensure, partitioned
from portal.lib.sql_migration import CreateModelBySQL


def make_partitions(apps, schema_editor):
    for name, key in (("connectors_delivery", "uuid"), ("connectors_attempt", "uuid")):
        ensure(DailyTable(name=name, key=key), clock.now().date())


WAITING_SQL = """
create table connectors_waiting (
    organization_id uuid not null,
    id uuid not null,
    connector_id uuid not null,
    event_id uuid not null,
    event_type text not null,
    company_id uuid,
    gateway_id uuid,
    attempts smallint not null,
    next_at timestamptz not null,
    last_status smallint,
    last_error text,
    crashes smallint not null default 0,
    hold_until timestamptz,
    primary key (organization_id, id)
) with (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0
);
create index waiting_due on connectors_waiting (connector_id, next_at, id);
"""

DELIVERY_SQL = (
    partitioned(
        "connectors_delivery",
        """
        organization_id uuid not null,
        id uuid not null,
        connector_id uuid not null,
        event_id uuid not null,
        event_type text not null,
        company_id uuid,
        gateway_id uuid,
        state text not null,
        attempts smallint not null,
        last_status smallint,
        last_error text,
        finished_at timestamptz not null,
        primary key (organization_id, id)
        """,
        "id",
    )
    + "create index delivery_of_connector on connectors_delivery (connector_id, id);"
    "create index delivery_not_delivered on connectors_delivery (organization_id, id) where state <> 'delivered';"
)

ATTEMPT_SQL = partitioned(
    "connectors_attempt",
    """
    delivery_id uuid not null,
    number smallint not null,
    organization_id uuid not null,
    connector_id uuid not null,
    request_id uuid not null,
    started_at timestamptz not null,
    duration_ms double precision not null,
    status smallint,
    error text,
    detail text not null,
    request_head text not null,
    request_digest bytea not null,
    response_head text not null,
    response_body text not null,
    truncated boolean not null,
    primary key (delivery_id, number)
    """,
    "delivery_id",
)


class Migration(migrations.Migration):

    replaces = [('connectors', '0001_initial'), ('connectors', '0002_initial'), ('connectors', '0003_engine_completed'), ('connectors', '0004_signing_options_and_policies'), ('connectors', '0005_batches_and_ownership'), ('connectors', '0006_notices')]

    initial = True

    dependencies = [
        ('pghistory', '0007_auto_20250421_0444'),
        ('tenants', '0001_first_release'),
    ]

    operations = [
        CreateModelBySQL(
            name='Attempt',
            fields=[
                ('pk', models.CompositePrimaryKey('delivery_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('delivery_id', models.UUIDField()),
                ('number', models.SmallIntegerField()),
                ('organization_id', models.UUIDField()),
                ('connector_id', models.UUIDField()),
                ('request_id', models.UUIDField()),
                ('started_at', models.DateTimeField()),
                ('duration_ms', models.FloatField()),
                ('status', models.SmallIntegerField(null=True)),
                ('error', models.TextField(null=True)),
                ('detail', models.TextField()),
                ('request_head', models.TextField()),
                ('request_digest', models.BinaryField(max_length=32)),
                ('response_head', models.TextField()),
                ('response_body', models.TextField()),
                ('truncated', models.BooleanField()),
            ],
            sql=ATTEMPT_SQL,
        ),
        migrations.CreateModel(
            name='RetryPolicy',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=40)),
                ('schedule', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveIntegerField(), size=None)),
                ('timeout', models.PositiveSmallIntegerField(default=20)),
                ('success', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), size=None)),
                ('gone', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, size=None)),
                ('transient', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, null=True, size=None)),
                ('pause_after', models.PositiveIntegerField()),
                ('expires', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'verbose_name': 'retry policy',
                'verbose_name_plural': 'retry policies',
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='retry_policy_name_once')],
            },
        ),
        migrations.CreateModel(
            name='Connector',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('origin', models.CharField(choices=[('portal', 'Configured by an admin'), ('subscription', "Belongs to a partner's subscription")], default='portal', editable=False, max_length=20)),
                ('url', models.TextField()),
                ('routes', models.JSONField(blank=True, default=dict)),
                ('profile', models.CharField(max_length=40)),
                ('auth_type', models.CharField(default='none', max_length=20)),
                ('auth_public', models.JSONField(blank=True, default=dict)),
                ('credentials', models.TextField(blank=True, default='', editable=False)),
                ('signing', models.CharField(default='none', max_length=40)),
                ('retry_policy', models.CharField(blank=True, default='standard', max_length=40)),
                ('concurrency', models.PositiveSmallIntegerField(default=20, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(200)])),
                ('enabled', models.BooleanField(default=False)),
                ('disabled_reason', models.CharField(blank=True, choices=[('gone', 'The receiver answered 410 Gone'), ('unverified', "Whose the URL's host is has to be shown anew")], editable=False, max_length=20)),
                ('shard', models.PositiveSmallIntegerField(editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('company', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='connectors', to='tenants.company')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
                ('ordered', models.BooleanField(default=False)),
                ('paused_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('paused_detail', models.TextField(blank=True, default='', editable=False)),
                ('paused_reason', models.CharField(blank=True, choices=[('manual', 'Paused by hand'), ('failing', 'Only failures for as long as its retry policy allows')], editable=False, max_length=20)),
                ('rate_limit', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000)])),
                ('while_paused', models.CharField(choices=[('hold', 'Keep them, and send them after the pause'), ('drop', 'Drop them; they are listed as dropped and can be sent again by hand')], default='hold', editable=False, max_length=10)),
                ('signing_options', models.JSONField(blank=True, default=dict)),
                ('own_retry_policy', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='connectors', to='connectors.retrypolicy')),
                ('batch_max_bytes', models.PositiveIntegerField(default=262144, validators=[django.core.validators.MinValueValidator(1024), django.core.validators.MaxValueValidator(1048576)])),
                ('batch_max_events', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)])),
                ('batch_wait_ms', models.PositiveIntegerField(default=1000, validators=[django.core.validators.MaxValueValidator(60000)])),
                ('ownership', models.CharField(choices=[('none', 'Not asked for'), ('challenge', 'The receiver answers a challenge with its HMAC'), ('link', 'Somebody opens a link that the receiver is sent'), ('cloudevents', "The receiver allows it, as CloudEvents' webhooks do")], default='none', max_length=20)),
                ('ownership_asked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('ownership_digest', models.CharField(blank=True, default='', editable=False, max_length=64)),
                ('ownership_verified_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('ownership_verified_host', models.TextField(blank=True, default='', editable=False)),
            ],
            options={
                'indexes': [models.Index(fields=['shard'], name='connector_by_shard')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='connector_name_once'), models.CheckConstraint(condition=models.Q(('own_retry_policy', None), ('retry_policy', ''), _connector='XOR'), name='connector_one_retry_policy')],
            },
        ),
        migrations.CreateModel(
            name='ConnectorChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('origin', models.CharField(choices=[('portal', 'Configured by an admin'), ('subscription', "Belongs to a partner's subscription")], default='portal', editable=False, max_length=20)),
                ('url', models.TextField()),
                ('routes', models.JSONField(blank=True, default=dict)),
                ('profile', models.CharField(max_length=40)),
                ('auth_type', models.CharField(default='none', max_length=20)),
                ('auth_public', models.JSONField(blank=True, default=dict)),
                ('signing', models.CharField(default='none', max_length=40)),
                ('retry_policy', models.CharField(blank=True, default='standard', max_length=40)),
                ('concurrency', models.PositiveSmallIntegerField(default=20, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(200)])),
                ('enabled', models.BooleanField(default=False)),
                ('disabled_reason', models.CharField(blank=True, choices=[('gone', 'The receiver answered 410 Gone'), ('unverified', "Whose the URL's host is has to be shown anew")], editable=False, max_length=20)),
                ('shard', models.PositiveSmallIntegerField(editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('company', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.company')),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='connectors.connector')),
                ('ordered', models.BooleanField(default=False)),
                ('paused_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('paused_detail', models.TextField(blank=True, default='', editable=False)),
                ('paused_reason', models.CharField(blank=True, choices=[('manual', 'Paused by hand'), ('failing', 'Only failures for as long as its retry policy allows')], editable=False, max_length=20)),
                ('rate_limit', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000)])),
                ('while_paused', models.CharField(choices=[('hold', 'Keep them, and send them after the pause'), ('drop', 'Drop them; they are listed as dropped and can be sent again by hand')], default='hold', editable=False, max_length=10)),
                ('signing_options', models.JSONField(blank=True, default=dict)),
                ('own_retry_policy', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='connectors.retrypolicy')),
                ('batch_max_bytes', models.PositiveIntegerField(default=262144, validators=[django.core.validators.MinValueValidator(1024), django.core.validators.MaxValueValidator(1048576)])),
                ('batch_max_events', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)])),
                ('batch_wait_ms', models.PositiveIntegerField(default=1000, validators=[django.core.validators.MaxValueValidator(60000)])),
                ('ownership', models.CharField(choices=[('none', 'Not asked for'), ('challenge', 'The receiver answers a challenge with its HMAC'), ('link', 'Somebody opens a link that the receiver is sent'), ('cloudevents', "The receiver allows it, as CloudEvents' webhooks do")], default='none', max_length=20)),
                ('ownership_asked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('ownership_verified_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('ownership_verified_host', models.TextField(blank=True, default='', editable=False)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ConnectorHealth',
            fields=[
                ('connector_id', models.UUIDField(primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('last_attempt_at', models.DateTimeField()),
                ('last_status', models.SmallIntegerField(null=True)),
                ('last_error', models.TextField(null=True)),
                ('last_success_at', models.DateTimeField(null=True)),
                ('failures_in_a_row', models.IntegerField()),
                ('failing_since', models.DateTimeField(null=True)),
                ('resting_until', models.DateTimeField(null=True)),
                ('noticed', models.BooleanField(db_default=False, default=False)),
            ],
            options={
                'verbose_name_plural': 'connector health',
            },
        ),
        migrations.CreateModel(
            name='ConnectorHour',
            fields=[
                ('pk', models.CompositePrimaryKey('connector_id', 'hour', blank=True, editable=False, primary_key=True, serialize=False)),
                ('connector_id', models.UUIDField()),
                ('hour', models.DateTimeField()),
                ('organization_id', models.UUIDField()),
                ('attempts', models.IntegerField()),
                ('delivered', models.IntegerField()),
                ('failed', models.IntegerField()),
            ],
            options={
                'indexes': [models.Index(fields=['organization_id', 'hour'], name='hours_of_organization')],
            },
        ),
        CreateModelBySQL(
            name='Delivery',
            fields=[
                ('pk', models.CompositePrimaryKey('organization_id', 'id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('id', models.UUIDField()),
                ('connector_id', models.UUIDField()),
                ('event_id', models.UUIDField()),
                ('event_type', models.TextField()),
                ('company_id', models.UUIDField(null=True)),
                ('gateway_id', models.UUIDField(null=True)),
                ('state', models.TextField(choices=[('waiting', 'Waiting'), ('retrying', 'Retrying'), ('delivered', 'Delivered'), ('failed', 'Failed'), ('dropped', 'Dropped')])),
                ('attempts', models.SmallIntegerField()),
                ('last_status', models.SmallIntegerField(null=True)),
                ('last_error', models.TextField(null=True)),
                ('finished_at', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'indexes': [models.Index(condition=models.Q(('state', 'delivered'), _negated=True), fields=['organization_id', 'id'], name='delivery_not_delivered'), models.Index(fields=['connector_id', 'id'], name='delivery_of_connector')],
            },
            sql=DELIVERY_SQL,
        ),
        migrations.CreateModel(
            name='DeliveryWorker',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('started_at', models.DateTimeField()),
                ('lease_until', models.DateTimeField()),
                ('leaving', models.BooleanField(db_default=False, default=False)),
            ],
        ),
        migrations.CreateModel(
            name='InboxMessage',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('connector_id', models.UUIDField(null=True)),
                ('received_at', models.DateTimeField()),
                ('method', models.CharField(max_length=10)),
                ('path', models.TextField()),
                ('headers', models.JSONField()),
                ('body', models.TextField()),
                ('verified', models.BooleanField(null=True)),
                ('signing', models.CharField(max_length=40)),
            ],
            options={
                'indexes': [models.Index(fields=['organization_id', '-id'], name='inbox_newest_first')],
            },
        ),
        migrations.CreateModel(
            name='Shard',
            fields=[
                ('id', models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ('owner', models.UUIDField(null=True)),
                ('epoch', models.BigIntegerField(default=0)),
                ('careful_until', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='SigningSecret',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('sealed', models.TextField(editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('connector', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='signing_secrets', to='connectors.connector')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='SigningSecretChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('connector', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='connectors.connector')),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='connectors.signingsecret')),
            ],
            options={
                'abstract': False,
            },
        ),
        CreateModelBySQL(
            name='WaitingDelivery',
            fields=[
                ('pk', models.CompositePrimaryKey('organization_id', 'id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('id', models.UUIDField()),
                ('connector_id', models.UUIDField()),
                ('event_id', models.UUIDField()),
                ('event_type', models.TextField()),
                ('company_id', models.UUIDField(null=True)),
                ('gateway_id', models.UUIDField(null=True)),
                ('attempts', models.SmallIntegerField()),
                ('next_at', models.DateTimeField()),
                ('last_status', models.SmallIntegerField(null=True)),
                ('last_error', models.TextField(null=True)),
                ('crashes', models.SmallIntegerField(db_default=0, default=0)),
                ('hold_until', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name_plural': 'waiting deliveries',
                'db_table': 'connectors_waiting',
                'indexes': [models.Index(fields=['connector_id', 'next_at', 'id'], name='waiting_due')],
            },
            sql=WAITING_SQL,
        ),
        migrations.CreateModel(
            name='RetryPolicyChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('name', models.CharField(max_length=40)),
                ('schedule', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveIntegerField(), size=None)),
                ('timeout', models.PositiveSmallIntegerField(default=20)),
                ('success', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), size=None)),
                ('gone', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, size=None)),
                ('transient', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, null=True, size=None)),
                ('pause_after', models.PositiveIntegerField()),
                ('expires', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='connectors.retrypolicy')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=40)),
                ('about', models.CharField(max_length=200)),
                ('text', models.TextField()),
                ('count', models.PositiveIntegerField(default=1)),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('told', models.PositiveIntegerField(default=0)),
                ('told_at', models.DateTimeField(null=True)),
                ('running', models.BooleanField(default=True)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', '-last_at'], name='notices_newest_first')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('running', True)), fields=('organization', 'kind', 'about'), name='notice_running_once')],
            },
        ),
        migrations.CreateModel(
            name='NoticeChannel',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('email', 'E-mail'), ('slack', 'Slack or compatible')], max_length=10)),
                ('sealed', models.TextField(editable=False)),
                ('shown', models.CharField(editable=False, max_length=300)),
                ('tested_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='NoticeChannelChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('kind', models.CharField(choices=[('email', 'E-mail'), ('slack', 'Slack or compatible')], max_length=10)),
                ('shown', models.CharField(editable=False, max_length=300)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='connectors.noticechannel')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='NoticeMessage',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_at', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(null=True)),
                ('error', models.TextField(blank=True, default='')),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='connectors.noticechannel')),
                ('notice', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='connectors.notice')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('next_at', None), _negated=True), fields=['next_at'], name='notice_message_due')],
                'constraints': [models.UniqueConstraint(fields=('notice', 'channel'), name='notice_message_once')],
            },
        ),
        migrations.RunPython(make_partitions, migrations.RunPython.noop),
        migrations.RunSQL(
            "insert into connectors_shard (id, epoch) select n, 0 from generate_series(0, 63) n",
            migrations.RunSQL.noop,
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='retrypolicy',
            trigger=pgtrigger.compiler.Trigger(name='bump_config', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO tenants_configversion AS v (organization_id, version)\n            VALUES (COALESCE(NEW.organization_id, OLD.organization_id), 1)\n            ON CONFLICT (organization_id) DO UPDATE SET version = v.version + 1;\n            RETURN NULL;\n        ', hash='8399e57ebea13dee1205c2f29f2a584b35765bd1', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_bump_config_7d824', table='connectors_retrypolicy', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='retrypolicy',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "connectors_retrypolicychange" ("created_at", "expires", "gone", "id", "name", "organization_id", "pause_after", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "schedule", "success", "timeout", "transient", "updated_at") VALUES (NEW."created_at", NEW."expires", NEW."gone", NEW."id", NEW."name", NEW."organization_id", NEW."pause_after", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."schedule", NEW."success", NEW."timeout", NEW."transient", NEW."updated_at"); RETURN NULL;', hash='ef6504a38b2c0908a5e1b714954307168ee08334', operation='INSERT', pgid='pgtrigger_insert_insert_e2097', table='connectors_retrypolicy', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='retrypolicy',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "connectors_retrypolicychange" ("created_at", "expires", "gone", "id", "name", "organization_id", "pause_after", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "schedule", "success", "timeout", "transient", "updated_at") VALUES (NEW."created_at", NEW."expires", NEW."gone", NEW."id", NEW."name", NEW."organization_id", NEW."pause_after", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."schedule", NEW."success", NEW."timeout", NEW."transient", NEW."updated_at"); RETURN NULL;', hash='f9e430ae9f378c5c66ca4acafc69e86d76661db3', operation='UPDATE', pgid='pgtrigger_update_update_eb2b3', table='connectors_retrypolicy', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='retrypolicy',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "connectors_retrypolicychange" ("created_at", "expires", "gone", "id", "name", "organization_id", "pause_after", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "schedule", "success", "timeout", "transient", "updated_at") VALUES (OLD."created_at", OLD."expires", OLD."gone", OLD."id", OLD."name", OLD."organization_id", OLD."pause_after", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."schedule", OLD."success", OLD."timeout", OLD."transient", OLD."updated_at"); RETURN NULL;', hash='3befae508b0550a4a9d44ff3950e79cf1be37f23', operation='DELETE', pgid='pgtrigger_delete_delete_c0754', table='connectors_retrypolicy', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='connector',
            trigger=pgtrigger.compiler.Trigger(name='bump_config', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO tenants_configversion AS v (organization_id, version)\n            VALUES (COALESCE(NEW.organization_id, OLD.organization_id), 1)\n            ON CONFLICT (organization_id) DO UPDATE SET version = v.version + 1;\n            RETURN NULL;\n        ', hash='986f0111fdffa87c5e08c423c6ebf0bd80476775', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_bump_config_b2b4e', table='connectors_connector', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='connector',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "connectors_connectorchange" ("auth_public", "auth_type", "batch_max_bytes", "batch_max_events", "batch_wait_ms", "company_id", "concurrency", "created_at", "disabled_reason", "enabled", "id", "name", "ordered", "organization_id", "origin", "own_retry_policy_id", "ownership", "ownership_asked_at", "ownership_verified_at", "ownership_verified_host", "paused_at", "paused_detail", "paused_reason", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "profile", "rate_limit", "retry_policy", "routes", "shard", "signing", "signing_options", "updated_at", "url", "while_paused") VALUES (NEW."auth_public", NEW."auth_type", NEW."batch_max_bytes", NEW."batch_max_events", NEW."batch_wait_ms", NEW."company_id", NEW."concurrency", NEW."created_at", NEW."disabled_reason", NEW."enabled", NEW."id", NEW."name", NEW."ordered", NEW."organization_id", NEW."origin", NEW."own_retry_policy_id", NEW."ownership", NEW."ownership_asked_at", NEW."ownership_verified_at", NEW."ownership_verified_host", NEW."paused_at", NEW."paused_detail", NEW."paused_reason", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."profile", NEW."rate_limit", NEW."retry_policy", NEW."routes", NEW."shard", NEW."signing", NEW."signing_options", NEW."updated_at", NEW."url", NEW."while_paused"); RETURN NULL;', hash='099a027585614ffa4bc7bfa5b946609318af0cac', operation='INSERT', pgid='pgtrigger_insert_insert_21261', table='connectors_connector', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='connector',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."auth_public" IS DISTINCT FROM (NEW."auth_public") OR OLD."auth_type" IS DISTINCT FROM (NEW."auth_type") OR OLD."batch_max_bytes" IS DISTINCT FROM (NEW."batch_max_bytes") OR OLD."batch_max_events" IS DISTINCT FROM (NEW."batch_max_events") OR OLD."batch_wait_ms" IS DISTINCT FROM (NEW."batch_wait_ms") OR OLD."company_id" IS DISTINCT FROM (NEW."company_id") OR OLD."concurrency" IS DISTINCT FROM (NEW."concurrency") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."disabled_reason" IS DISTINCT FROM (NEW."disabled_reason") OR OLD."enabled" IS DISTINCT FROM (NEW."enabled") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."ordered" IS DISTINCT FROM (NEW."ordered") OR OLD."organization_id" IS DISTINCT FROM (NEW."organization_id") OR OLD."origin" IS DISTINCT FROM (NEW."origin") OR OLD."own_retry_policy_id" IS DISTINCT FROM (NEW."own_retry_policy_id") OR OLD."ownership" IS DISTINCT FROM (NEW."ownership") OR OLD."ownership_asked_at" IS DISTINCT FROM (NEW."ownership_asked_at") OR OLD."ownership_verified_at" IS DISTINCT FROM (NEW."ownership_verified_at") OR OLD."ownership_verified_host" IS DISTINCT FROM (NEW."ownership_verified_host") OR OLD."paused_at" IS DISTINCT FROM (NEW."paused_at") OR OLD."paused_detail" IS DISTINCT FROM (NEW."paused_detail") OR OLD."paused_reason" IS DISTINCT FROM (NEW."paused_reason") OR OLD."profile" IS DISTINCT FROM (NEW."profile") OR OLD."rate_limit" IS DISTINCT FROM (NEW."rate_limit") OR OLD."retry_policy" IS DISTINCT FROM (NEW."retry_policy") OR OLD."routes" IS DISTINCT FROM (NEW."routes") OR OLD."shard" IS DISTINCT FROM (NEW."shard") OR OLD."signing" IS DISTINCT FROM (NEW."signing") OR OLD."signing_options" IS DISTINCT FROM (NEW."signing_options") OR OLD."updated_at" IS DISTINCT FROM (NEW."updated_at") OR OLD."url" IS DISTINCT FROM (NEW."url") OR OLD."while_paused" IS DISTINCT FROM (NEW."while_paused"))', func='INSERT INTO "connectors_connectorchange" ("auth_public", "auth_type", "batch_max_bytes", "batch_max_events", "batch_wait_ms", "company_id", "concurrency", "created_at", "disabled_reason", "enabled", "id", "name", "ordered", "organization_id", "origin", "own_retry_policy_id", "ownership", "ownership_asked_at", "ownership_verified_at", "ownership_verified_host", "paused_at", "paused_detail", "paused_reason", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "profile", "rate_limit", "retry_policy", "routes", "shard", "signing", "signing_options", "updated_at", "url", "while_paused") VALUES (NEW."auth_public", NEW."auth_type", NEW."batch_max_bytes", NEW."batch_max_events", NEW."batch_wait_ms", NEW."company_id", NEW."concurrency", NEW."created_at", NEW."disabled_reason", NEW."enabled", NEW."id", NEW."name", NEW."ordered", NEW."organization_id", NEW."origin", NEW."own_retry_policy_id", NEW."ownership", NEW."ownership_asked_at", NEW."ownership_verified_at", NEW."ownership_verified_host", NEW."paused_at", NEW."paused_detail", NEW."paused_reason", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."profile", NEW."rate_limit", NEW."retry_policy", NEW."routes", NEW."shard", NEW."signing", NEW."signing_options", NEW."updated_at", NEW."url", NEW."while_paused"); RETURN NULL;', hash='2e082bd49834f54e24716923a92ba960af44412e', operation='UPDATE', pgid='pgtrigger_update_update_e6fb1', table='connectors_connector', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='connector',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "connectors_connectorchange" ("auth_public", "auth_type", "batch_max_bytes", "batch_max_events", "batch_wait_ms", "company_id", "concurrency", "created_at", "disabled_reason", "enabled", "id", "name", "ordered", "organization_id", "origin", "own_retry_policy_id", "ownership", "ownership_asked_at", "ownership_verified_at", "ownership_verified_host", "paused_at", "paused_detail", "paused_reason", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "profile", "rate_limit", "retry_policy", "routes", "shard", "signing", "signing_options", "updated_at", "url", "while_paused") VALUES (OLD."auth_public", OLD."auth_type", OLD."batch_max_bytes", OLD."batch_max_events", OLD."batch_wait_ms", OLD."company_id", OLD."concurrency", OLD."created_at", OLD."disabled_reason", OLD."enabled", OLD."id", OLD."name", OLD."ordered", OLD."organization_id", OLD."origin", OLD."own_retry_policy_id", OLD."ownership", OLD."ownership_asked_at", OLD."ownership_verified_at", OLD."ownership_verified_host", OLD."paused_at", OLD."paused_detail", OLD."paused_reason", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."profile", OLD."rate_limit", OLD."retry_policy", OLD."routes", OLD."shard", OLD."signing", OLD."signing_options", OLD."updated_at", OLD."url", OLD."while_paused"); RETURN NULL;', hash='47c0795d5a6eba4e4be814d454904cd780ffbb4b', operation='DELETE', pgid='pgtrigger_delete_delete_a48ee', table='connectors_connector', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='signingsecret',
            trigger=pgtrigger.compiler.Trigger(name='bump_config', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO tenants_configversion AS v (organization_id, version)\n            VALUES (COALESCE(NEW.organization_id, OLD.organization_id), 1)\n            ON CONFLICT (organization_id) DO UPDATE SET version = v.version + 1;\n            RETURN NULL;\n        ', hash='a7b247d06a9b12c284187eac759d36c11f3ff88a', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_bump_config_540a1', table='connectors_signingsecret', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='signingsecret',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "connectors_signingsecretchange" ("connector_id", "created_at", "expires_at", "id", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."connector_id", NEW."created_at", NEW."expires_at", NEW."id", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id"); RETURN NULL;', hash='f139a4ae2f9735c0a33f56c8da7d27964c24fe4b', operation='INSERT', pgid='pgtrigger_insert_insert_1baf4', table='connectors_signingsecret', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='signingsecret',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."connector_id" IS DISTINCT FROM (NEW."connector_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."organization_id" IS DISTINCT FROM (NEW."organization_id"))', func='INSERT INTO "connectors_signingsecretchange" ("connector_id", "created_at", "expires_at", "id", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."connector_id", NEW."created_at", NEW."expires_at", NEW."id", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id"); RETURN NULL;', hash='4a28bf99313725f850dc136a21c00168468921d9', operation='UPDATE', pgid='pgtrigger_update_update_68708', table='connectors_signingsecret', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='signingsecret',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "connectors_signingsecretchange" ("connector_id", "created_at", "expires_at", "id", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."connector_id", OLD."created_at", OLD."expires_at", OLD."id", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id"); RETURN NULL;', hash='1d8e1249bbd0791438f8ab4ffb92d0bae793f50c', operation='DELETE', pgid='pgtrigger_delete_delete_dc149', table='connectors_signingsecret', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='noticechannel',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "connectors_noticechannelchange" ("created_at", "id", "kind", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "shown") VALUES (NEW."created_at", NEW."id", NEW."kind", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."shown"); RETURN NULL;', hash='7d53d7c263f7aaeeb141b148f22dc775fbfa5516', operation='INSERT', pgid='pgtrigger_insert_insert_5c1ba', table='connectors_noticechannel', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='noticechannel',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."organization_id" IS DISTINCT FROM (NEW."organization_id") OR OLD."shown" IS DISTINCT FROM (NEW."shown"))', func='INSERT INTO "connectors_noticechannelchange" ("created_at", "id", "kind", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "shown") VALUES (NEW."created_at", NEW."id", NEW."kind", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."shown"); RETURN NULL;', hash='7e65da4150cf17662a709c87e44c0ec3905e56cb', operation='UPDATE', pgid='pgtrigger_update_update_59341', table='connectors_noticechannel', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='noticechannel',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "connectors_noticechannelchange" ("created_at", "id", "kind", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "shown") VALUES (OLD."created_at", OLD."id", OLD."kind", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."shown"); RETURN NULL;', hash='a65d19e5c9abbcae2fa7fa6bbf684d301dfc05ba', operation='DELETE', pgid='pgtrigger_delete_delete_4a825', table='connectors_noticechannel', when='AFTER')),
        ),
    ]
