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
    ensure(DailyTable(name="triggers_dailyaggregate", key="time"), clock.now().date())


DAILY_AGGREGATE_SQL = (
    partitioned(
        "triggers_dailyaggregate",
        """
        organization_id uuid not null,
        day date not null,
        subject_id uuid not null,
        property text not null,
        id uuid not null,
        gateway_id uuid not null,
        company_id uuid not null,
        state text not null,
        value jsonb,
        coverage_percent double precision,
        reason text,
        detail text,
        primary key (organization_id, day, subject_id, property)
        """,
        "day",
    )
    + "create index daily_aggregate_by_id on triggers_dailyaggregate (organization_id, id);"
)


class Migration(migrations.Migration):

    replaces = [('triggers', '0001_initial'), ('triggers', '0002_schedulertick'), ('triggers', '0003_daily_aggregates'), ('triggers', '0004_faults_and_alarms'), ('triggers', '0005_by_the_clock')]

    initial = True

    dependencies = [
        ('connectors', '0001_first_release'),
        ('fleet', '0001_first_release'),
        ('pghistory', '0007_auto_20250421_0444'),
        ('tenants', '0001_first_release'),
    ]

    operations = [
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), size=None)),
                ('active', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('company', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='tenants.company')),
                ('connector', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='subscription', to='connectors.connector')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
        ),
        migrations.CreateModel(
            name='SubscriptionChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), size=None)),
                ('active', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('company', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.company')),
                ('connector', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='connectors.connector')),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='triggers.subscription')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Trigger',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('kind', models.CharField(choices=[('values', 'Values'), ('events', 'Events'), ('alarms', 'Alarms'), ('snapshot', 'Snapshots of sites, by the clock'), ('heartbeat', 'Heartbeats of the connector, by the clock')], max_length=10)),
                ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), size=None)),
                ('gateways', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), blank=True, default=list, size=None)),
                ('enabled', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('connector', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='triggers', to='connectors.connector')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
                ('interval_seconds', models.PositiveIntegerField(blank=True, null=True)),
                ('level', models.CharField(blank=True, choices=[('device_type', 'By type of device: solar, storage and so on'), ('device', 'Each device too')], max_length=12)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='trigger_name_once')],
            },
        ),
        migrations.CreateModel(
            name='TriggerChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('kind', models.CharField(choices=[('values', 'Values'), ('events', 'Events'), ('alarms', 'Alarms'), ('snapshot', 'Snapshots of sites, by the clock'), ('heartbeat', 'Heartbeats of the connector, by the clock')], max_length=10)),
                ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), size=None)),
                ('gateways', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), blank=True, default=list, size=None)),
                ('enabled', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('connector', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='connectors.connector')),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='triggers.trigger')),
                ('interval_seconds', models.PositiveIntegerField(blank=True, null=True)),
                ('level', models.CharField(blank=True, choices=[('device_type', 'By type of device: solar, storage and so on'), ('device', 'Each device too')], max_length=12)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='SchedulerTick',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Aggregate',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('function', models.CharField(choices=[('starts', 'Starts: how often it began to run'), ('run_time', 'Run time: how long it ran, in hours'), ('energy', 'Energy: growth of a counter, resets allowed for'), ('minimum', 'Minimum'), ('maximum', 'Maximum'), ('mean', 'Mean, weighted by time'), ('last', 'Last value of the day'), ('availability', 'Availability: share of the day with readings, in %')], max_length=20)),
                ('name', models.CharField(max_length=200)),
                ('minimum_coverage', models.FloatField(default=80, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)])),
                ('holds_for', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(86400)])),
                ('stuck_after', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0)])),
                ('rests_at', models.FloatField(blank=True, default=0, null=True)),
                ('running_above', models.FloatField(default=0)),
                ('enabled', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('data_point', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='aggregates', to='fleet.datapoint')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='aggregate_name_once')],
            },
        ),
        migrations.CreateModel(
            name='AggregateChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('function', models.CharField(choices=[('starts', 'Starts: how often it began to run'), ('run_time', 'Run time: how long it ran, in hours'), ('energy', 'Energy: growth of a counter, resets allowed for'), ('minimum', 'Minimum'), ('maximum', 'Maximum'), ('mean', 'Mean, weighted by time'), ('last', 'Last value of the day'), ('availability', 'Availability: share of the day with readings, in %')], max_length=20)),
                ('name', models.CharField(max_length=200)),
                ('minimum_coverage', models.FloatField(default=80, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)])),
                ('holds_for', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(86400)])),
                ('stuck_after', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0)])),
                ('rests_at', models.FloatField(blank=True, default=0, null=True)),
                ('running_above', models.FloatField(default=0)),
                ('enabled', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('data_point', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='fleet.datapoint')),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='triggers.aggregate')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='AggregateRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('after', models.UUIDField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'day'), name='aggregate_run_once')],
            },
        ),
        CreateModelBySQL(
            name='DailyAggregate',
            fields=[
                ('pk', models.CompositePrimaryKey('organization_id', 'day', 'subject_id', 'property', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('day', models.DateField()),
                ('subject_id', models.UUIDField()),
                ('property', models.TextField()),
                ('id', models.UUIDField()),
                ('gateway_id', models.UUIDField()),
                ('company_id', models.UUIDField()),
                ('state', models.TextField(choices=[('sent', 'Sent'), ('held', 'Held back')])),
                ('value', models.JSONField(null=True)),
                ('coverage_percent', models.FloatField(null=True)),
                ('reason', models.TextField(choices=[('moved', 'moved'), ('no_readings', 'no_readings'), ('not_numbers', 'not_numbers'), ('stuck', 'stuck'), ('flagged', 'flagged'), ('coverage', 'coverage'), ('error', 'error')], null=True)),
                ('detail', models.TextField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['organization_id', 'id'], name='daily_aggregate_by_id')],
            },
            sql=DAILY_AGGREGATE_SQL,
        ),
        migrations.CreateModel(
            name='Alarm',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('gateway_id', models.UUIDField()),
                ('appliance_id', models.UUIDField(null=True)),
                ('alarm_id', models.TextField()),
                ('status', models.TextField(choices=[('open', 'Open'), ('acknowledged', 'Acknowledged'), ('closed', 'Closed')], default='')),
                ('severity', models.TextField(default='')),
                ('data', models.TextField(default='{}')),
                ('raised_at', models.DateTimeField(null=True)),
                ('changed_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['organization_id', 'id'], name='alarm_of_organization')],
                'constraints': [models.UniqueConstraint(fields=('gateway_id', 'alarm_id'), name='alarm_once')],
            },
        ),
        migrations.CreateModel(
            name='Fault',
            fields=[
                ('pk', models.CompositePrimaryKey('appliance_id', 'type', 'code', blank=True, editable=False, primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('appliance_id', models.UUIDField()),
                ('type', models.TextField()),
                ('code', models.TextField()),
                ('gateway_id', models.UUIDField()),
                ('fault_id', models.TextField(default='')),
                ('open', models.BooleanField(default=False)),
                ('sent', models.BooleanField(default=False)),
                ('since', models.DateTimeField(null=True)),
                ('last_at', models.DateTimeField(null=True)),
                ('counted', django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), default=list, size=None)),
                ('counts', models.BooleanField(default=False)),
                ('occurrences', models.IntegerField(default=0)),
                ('told_since', models.DateTimeField(null=True)),
                ('until', models.DateTimeField(null=True)),
                ('data', models.TextField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('until__isnull', False)), fields=['until'], name='fault_to_look_at')],
            },
        ),
        migrations.CreateModel(
            name='OccurrenceRule',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('code', models.CharField(blank=True, max_length=200)),
                ('appliance_type', models.CharField(blank=True, choices=[('unknown', 'unknown'), ('inverter', 'inverter'), ('meter', 'meter'), ('evstation', 'evstation'), ('heat_pump', 'heat_pump'), ('heater', 'heater'), ('container', 'container')], max_length=20)),
                ('severity', models.CharField(choices=[('any', 'Any'), ('error', 'Error'), ('warning', 'Warning')], default='any', max_length=10)),
                ('conditions', models.JSONField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'code', 'appliance_type', 'severity'), name='occurrence_rule_once')],
            },
        ),
        migrations.CreateModel(
            name='OccurrenceRuleChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('code', models.CharField(blank=True, max_length=200)),
                ('appliance_type', models.CharField(blank=True, choices=[('unknown', 'unknown'), ('inverter', 'inverter'), ('meter', 'meter'), ('evstation', 'evstation'), ('heat_pump', 'heat_pump'), ('heater', 'heater'), ('container', 'container')], max_length=20)),
                ('severity', models.CharField(choices=[('any', 'Any'), ('error', 'Error'), ('warning', 'Warning')], default='any', max_length=10)),
                ('conditions', models.JSONField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='triggers.occurrencerule')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='TriggerClock',
            fields=[
                ('trigger', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='clock', serialize=False, to='triggers.trigger')),
                ('done_until', models.DateTimeField()),
            ],
        ),
        migrations.RunPython(make_partitions, migrations.RunPython.noop),
        pgtrigger.migrations.AddTrigger(
            model_name='subscription',
            trigger=pgtrigger.compiler.Trigger(name='bump_config', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO tenants_configversion AS v (organization_id, version)\n            VALUES (COALESCE(NEW.organization_id, OLD.organization_id), 1)\n            ON CONFLICT (organization_id) DO UPDATE SET version = v.version + 1;\n            RETURN NULL;\n        ', hash='56c4fd34a5b0f2c2d371675aad64cd3c7588591a', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_bump_config_7d59d', table='triggers_subscription', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='subscription',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "triggers_subscriptionchange" ("active", "company_id", "connector_id", "created_at", "event_types", "id", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."active", NEW."company_id", NEW."connector_id", NEW."created_at", NEW."event_types", NEW."id", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id"); RETURN NULL;', hash='fa33b231cd876a7c8b9cc28806931a5d0794df7a', operation='INSERT', pgid='pgtrigger_insert_insert_a5c1a', table='triggers_subscription', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='subscription',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "triggers_subscriptionchange" ("active", "company_id", "connector_id", "created_at", "event_types", "id", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."active", NEW."company_id", NEW."connector_id", NEW."created_at", NEW."event_types", NEW."id", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id"); RETURN NULL;', hash='1b596af2039c650a274c018a91a41db239760839', operation='UPDATE', pgid='pgtrigger_update_update_8aa47', table='triggers_subscription', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='subscription',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "triggers_subscriptionchange" ("active", "company_id", "connector_id", "created_at", "event_types", "id", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."active", OLD."company_id", OLD."connector_id", OLD."created_at", OLD."event_types", OLD."id", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id"); RETURN NULL;', hash='c452b0a7956bf38e5e63ec3e956c4d5bf06778ac', operation='DELETE', pgid='pgtrigger_delete_delete_702fb', table='triggers_subscription', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trigger',
            trigger=pgtrigger.compiler.Trigger(name='bump_config', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO tenants_configversion AS v (organization_id, version)\n            VALUES (COALESCE(NEW.organization_id, OLD.organization_id), 1)\n            ON CONFLICT (organization_id) DO UPDATE SET version = v.version + 1;\n            RETURN NULL;\n        ', hash='ce507023e9e218a29bd4e1b48d676d35470c4e80', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_bump_config_1d4f9', table='triggers_trigger', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trigger',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "triggers_triggerchange" ("connector_id", "created_at", "enabled", "event_types", "gateways", "id", "interval_seconds", "kind", "level", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."connector_id", NEW."created_at", NEW."enabled", NEW."event_types", NEW."gateways", NEW."id", NEW."interval_seconds", NEW."kind", NEW."level", NEW."name", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id"); RETURN NULL;', hash='d46ea115badaf777d42794e47982eeb0e31fa639', operation='INSERT', pgid='pgtrigger_insert_insert_6ffe2', table='triggers_trigger', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trigger',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "triggers_triggerchange" ("connector_id", "created_at", "enabled", "event_types", "gateways", "id", "interval_seconds", "kind", "level", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."connector_id", NEW."created_at", NEW."enabled", NEW."event_types", NEW."gateways", NEW."id", NEW."interval_seconds", NEW."kind", NEW."level", NEW."name", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id"); RETURN NULL;', hash='8ddac7b26435fbc3364c438a3091d504c103f84c', operation='UPDATE', pgid='pgtrigger_update_update_dd589', table='triggers_trigger', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trigger',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "triggers_triggerchange" ("connector_id", "created_at", "enabled", "event_types", "gateways", "id", "interval_seconds", "kind", "level", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."connector_id", OLD."created_at", OLD."enabled", OLD."event_types", OLD."gateways", OLD."id", OLD."interval_seconds", OLD."kind", OLD."level", OLD."name", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id"); RETURN NULL;', hash='fed517392d4fe4ef923aeb94c5da759c28139c6f', operation='DELETE', pgid='pgtrigger_delete_delete_466af', table='triggers_trigger', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='aggregate',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "triggers_aggregatechange" ("created_at", "data_point_id", "enabled", "function", "holds_for", "id", "minimum_coverage", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rests_at", "running_above", "stuck_after") VALUES (NEW."created_at", NEW."data_point_id", NEW."enabled", NEW."function", NEW."holds_for", NEW."id", NEW."minimum_coverage", NEW."name", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."rests_at", NEW."running_above", NEW."stuck_after"); RETURN NULL;', hash='bb951cb74f82a26ef85387aaf0cf231fb7cec11a', operation='INSERT', pgid='pgtrigger_insert_insert_42422', table='triggers_aggregate', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='aggregate',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "triggers_aggregatechange" ("created_at", "data_point_id", "enabled", "function", "holds_for", "id", "minimum_coverage", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rests_at", "running_above", "stuck_after") VALUES (NEW."created_at", NEW."data_point_id", NEW."enabled", NEW."function", NEW."holds_for", NEW."id", NEW."minimum_coverage", NEW."name", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."rests_at", NEW."running_above", NEW."stuck_after"); RETURN NULL;', hash='d64a036604bce3603b85f9254fa6c8b459a0fd53', operation='UPDATE', pgid='pgtrigger_update_update_2aef8', table='triggers_aggregate', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='aggregate',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "triggers_aggregatechange" ("created_at", "data_point_id", "enabled", "function", "holds_for", "id", "minimum_coverage", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rests_at", "running_above", "stuck_after") VALUES (OLD."created_at", OLD."data_point_id", OLD."enabled", OLD."function", OLD."holds_for", OLD."id", OLD."minimum_coverage", OLD."name", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."rests_at", OLD."running_above", OLD."stuck_after"); RETURN NULL;', hash='832c41bfb39c0bbd4468553f4f9e75b0e7b67fbe', operation='DELETE', pgid='pgtrigger_delete_delete_70100', table='triggers_aggregate', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='occurrencerule',
            trigger=pgtrigger.compiler.Trigger(name='bump_config', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO tenants_configversion AS v (organization_id, version)\n            VALUES (COALESCE(NEW.organization_id, OLD.organization_id), 1)\n            ON CONFLICT (organization_id) DO UPDATE SET version = v.version + 1;\n            RETURN NULL;\n        ', hash='439bac2c20ec7715359fa6bad8b49963bbd1d4eb', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_bump_config_65e63', table='triggers_occurrencerule', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='occurrencerule',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "triggers_occurrencerulechange" ("appliance_type", "code", "conditions", "created_at", "id", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "severity") VALUES (NEW."appliance_type", NEW."code", NEW."conditions", NEW."created_at", NEW."id", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."severity"); RETURN NULL;', hash='b88a72ac426cc4da5d4c554e733d6d37c6ca6dd9', operation='INSERT', pgid='pgtrigger_insert_insert_7c6cf', table='triggers_occurrencerule', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='occurrencerule',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "triggers_occurrencerulechange" ("appliance_type", "code", "conditions", "created_at", "id", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "severity") VALUES (NEW."appliance_type", NEW."code", NEW."conditions", NEW."created_at", NEW."id", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."severity"); RETURN NULL;', hash='c279b068e01c31f0b10bab45510724f04ef08bd6', operation='UPDATE', pgid='pgtrigger_update_update_c57aa', table='triggers_occurrencerule', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='occurrencerule',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "triggers_occurrencerulechange" ("appliance_type", "code", "conditions", "created_at", "id", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "severity") VALUES (OLD."appliance_type", OLD."code", OLD."conditions", OLD."created_at", OLD."id", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."severity"); RETURN NULL;', hash='18d94ceea27f673b790b4c3f9bbfc356e226ec10', operation='DELETE', pgid='pgtrigger_delete_delete_519f6', table='triggers_occurrencerule', when='AFTER')),
        ),
    ]
