from django.db import migrations, models

from portal.lib import clock
from portal.lib.partitions import DailyTable, ensure, partitioned
from portal.lib.sql_migration import CreateModelBySQL


def make_partitions(apps, schema_editor):
    for name, key in (("events_event", "uuid"), ("events_reading", "time"), ("events_producerkey", "time")):
        ensure(DailyTable(name=name, key=key), clock.now().date())


PRODUCER_KEY_SQL = partitioned(
    "events_producerkey",
    """
    organization_id uuid not null,
    key text not null,
    time timestamptz not null,
    primary key (organization_id, key, time)
    """,
    "time",
)

READING_SQL = partitioned(
    "events_reading",
    """
    series_id bigint not null,
    time timestamptz not null,
    number double precision,
    text text,
    quality smallint not null,
    primary key (series_id, time)
    """,
    "time",
)

EVENT_SQL = (
    partitioned(
        "events_event",
        """
        organization_id uuid not null,
        id uuid not null,
        type text not null,
        time timestamptz not null,
        company_id uuid,
        gateway_id uuid,
        appliance_id uuid,
        body text not null,
        held_because text,
        primary key (organization_id, id)
        """,
        "id",
    )
    + "create index event_of_gateway on events_event (gateway_id, id);"
    "create index event_held_back on events_event (organization_id, id) where held_because is not null;"
)


class Migration(migrations.Migration):

    replaces = [('events', '0001_initial'), ('events', '0002_held_because')]

    initial = True

    dependencies = [
    ]

    operations = [
        CreateModelBySQL(
            name='ProducerKey',
            fields=[
                ('pk', models.CompositePrimaryKey('organization_id', 'key', 'time', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('key', models.TextField()),
                ('time', models.DateTimeField()),
            ],
            sql=PRODUCER_KEY_SQL,
        ),
        CreateModelBySQL(
            name='Reading',
            fields=[
                ('pk', models.CompositePrimaryKey('series_id', 'time', blank=True, editable=False, primary_key=True, serialize=False)),
                ('series_id', models.BigIntegerField()),
                ('time', models.DateTimeField()),
                ('number', models.FloatField(null=True)),
                ('text', models.TextField(null=True)),
                ('quality', models.SmallIntegerField(choices=[(0, 'good'), (1, 'uncertain'), (2, 'bad')], default=0)),
            ],
            sql=READING_SQL,
        ),
        CreateModelBySQL(
            name='Event',
            fields=[
                ('pk', models.CompositePrimaryKey('organization_id', 'id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('id', models.UUIDField()),
                ('type', models.TextField()),
                ('time', models.DateTimeField()),
                ('company_id', models.UUIDField(null=True)),
                ('gateway_id', models.UUIDField(null=True)),
                ('appliance_id', models.UUIDField(null=True)),
                ('body', models.TextField()),
                ('held_because', models.TextField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['gateway_id', 'id'], name='event_of_gateway'), models.Index(condition=models.Q(('held_because__isnull', False)), fields=['organization_id', 'id'], name='event_held_back')],
            },
            sql=EVENT_SQL,
        ),
        migrations.RunPython(make_partitions, migrations.RunPython.noop),
    ]
