import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
import portal.lib.uuid7
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('fleet', '0001_initial'), ('fleet', '0002_initial'), ('fleet', '0003_contracts'), ('fleet', '0004_presence'), ('fleet', '0005_hysteresis_and_resolution'), ('fleet', '0006_presencesweep'), ('fleet', '0007_one_index_of_presence')]

    initial = True

    dependencies = [
        ('pghistory', '0007_auto_20250421_0444'),
        ('tenants', '0001_first_release'),
    ]

    operations = [
        migrations.CreateModel(
            name='System',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('external_id', models.CharField(blank=True, max_length=200, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'external_id'), name='system_external_id_once')],
            },
        ),
        migrations.CreateModel(
            name='Gateway',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('access_granted', models.BooleanField(default=False)),
                ('serial_number', models.CharField(max_length=100)),
                ('name', models.CharField(blank=True, max_length=200)),
                ('model', models.CharField(blank=True, max_length=100)),
                ('firmware', models.CharField(blank=True, max_length=100)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('company', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='gateways', to='tenants.company')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
                ('system', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='gateways', to='fleet.system')),
                ('offline_after', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(60), django.core.validators.MaxValueValidator(2678400)])),
                ('protocol', models.CharField(blank=True, choices=[('lorawan', 'LoRaWAN'), ('wired', 'Wired: BACnet, Modbus, M-Bus and the like')], max_length=20)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'serial_number'), name='gateway_serial_number_once')],
            },
        ),
        migrations.CreateModel(
            name='Appliance',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('serial_number', models.CharField(max_length=100)),
                ('name', models.CharField(blank=True, max_length=200)),
                ('type', models.CharField(choices=[('unknown', 'unknown'), ('inverter', 'inverter'), ('meter', 'meter'), ('evstation', 'evstation'), ('heat_pump', 'heat_pump'), ('heater', 'heater'), ('container', 'container')], default='unknown', max_length=20)),
                ('kind', models.CharField(blank=True, choices=[('unknown', 'unknown'), ('pv', 'pv'), ('battery', 'battery'), ('hybrid', 'hybrid'), ('pv_external', 'pv_external'), ('grid', 'grid'), ('heat_pump', 'heat_pump'), ('fuel_cell', 'fuel_cell'), ('heat_pump_external', 'heat_pump_external'), ('evstation', 'evstation'), ('bttp', 'bttp'), ('heating', 'heating'), ('misc', 'misc'), ('cluster', 'cluster'), ('wind_turbine', 'wind_turbine')], max_length=20)),
                ('manufacturer', models.CharField(blank=True, max_length=100)),
                ('model', models.CharField(blank=True, max_length=100)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
                ('gateway', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='appliances', to='fleet.gateway')),
                ('offline_after', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(60), django.core.validators.MaxValueValidator(2678400)])),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('gateway', 'serial_number'), name='appliance_serial_number_once')],
            },
        ),
        migrations.CreateModel(
            name='ApplianceChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('serial_number', models.CharField(max_length=100)),
                ('name', models.CharField(blank=True, max_length=200)),
                ('type', models.CharField(choices=[('unknown', 'unknown'), ('inverter', 'inverter'), ('meter', 'meter'), ('evstation', 'evstation'), ('heat_pump', 'heat_pump'), ('heater', 'heater'), ('container', 'container')], default='unknown', max_length=20)),
                ('kind', models.CharField(blank=True, choices=[('unknown', 'unknown'), ('pv', 'pv'), ('battery', 'battery'), ('hybrid', 'hybrid'), ('pv_external', 'pv_external'), ('grid', 'grid'), ('heat_pump', 'heat_pump'), ('fuel_cell', 'fuel_cell'), ('heat_pump_external', 'heat_pump_external'), ('evstation', 'evstation'), ('bttp', 'bttp'), ('heating', 'heating'), ('misc', 'misc'), ('cluster', 'cluster'), ('wind_turbine', 'wind_turbine')], max_length=20)),
                ('manufacturer', models.CharField(blank=True, max_length=100)),
                ('model', models.CharField(blank=True, max_length=100)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='fleet.appliance')),
                ('gateway', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='fleet.gateway')),
                ('offline_after', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(60), django.core.validators.MaxValueValidator(2678400)])),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='DataPoint',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('title', models.CharField(blank=True, max_length=200)),
                ('unit', models.CharField(blank=True, max_length=20)),
                ('kind', models.CharField(choices=[('gauge', 'Gauge: goes up and down'), ('counter', 'Counter: only grows, and starts again from 0 on a reset'), ('state', 'State: one of a few values')], default='gauge', max_length=10)),
                ('threshold', models.FloatField(default=0, validators=[django.core.validators.MinValueValidator(0)])),
                ('threshold_kind', models.CharField(choices=[('absolute', "Absolute: in the data point's unit"), ('relative', 'Relative: share of the value last sent (0.05 is 5 %)')], default='absolute', max_length=10)),
                ('min_interval', models.FloatField(default=0, validators=[django.core.validators.MinValueValidator(0)])),
                ('max_interval', models.FloatField(default=0, validators=[django.core.validators.MinValueValidator(0)])),
                ('expected_interval', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0)])),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
                ('hysteresis', models.FloatField(default=0, validators=[django.core.validators.MinValueValidator(0)])),
                ('resolution', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1e-09)])),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='data_point_name_once')],
            },
        ),
        migrations.CreateModel(
            name='DataPointChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('title', models.CharField(blank=True, max_length=200)),
                ('unit', models.CharField(blank=True, max_length=20)),
                ('kind', models.CharField(choices=[('gauge', 'Gauge: goes up and down'), ('counter', 'Counter: only grows, and starts again from 0 on a reset'), ('state', 'State: one of a few values')], default='gauge', max_length=10)),
                ('threshold', models.FloatField(default=0, validators=[django.core.validators.MinValueValidator(0)])),
                ('threshold_kind', models.CharField(choices=[('absolute', "Absolute: in the data point's unit"), ('relative', 'Relative: share of the value last sent (0.05 is 5 %)')], default='absolute', max_length=10)),
                ('min_interval', models.FloatField(default=0, validators=[django.core.validators.MinValueValidator(0)])),
                ('max_interval', models.FloatField(default=0, validators=[django.core.validators.MinValueValidator(0)])),
                ('expected_interval', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(0)])),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='fleet.datapoint')),
                ('hysteresis', models.FloatField(default=0, validators=[django.core.validators.MinValueValidator(0)])),
                ('resolution', models.FloatField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1e-09)])),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='GatewayChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('access_granted', models.BooleanField(default=False)),
                ('serial_number', models.CharField(max_length=100)),
                ('name', models.CharField(blank=True, max_length=200)),
                ('model', models.CharField(blank=True, max_length=100)),
                ('firmware', models.CharField(blank=True, max_length=100)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('company', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.company')),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='fleet.gateway')),
                ('system', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='fleet.system')),
                ('offline_after', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(60), django.core.validators.MaxValueValidator(2678400)])),
                ('protocol', models.CharField(blank=True, choices=[('lorawan', 'LoRaWAN'), ('wired', 'Wired: BACnet, Modbus, M-Bus and the like')], max_length=20)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Series',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('gateway_id', models.UUIDField()),
                ('subject_id', models.UUIDField()),
                ('data_point_id', models.UUIDField()),
                ('last_time', models.DateTimeField(null=True)),
                ('last_number', models.FloatField(null=True)),
                ('last_text', models.TextField(null=True)),
                ('sent_time', models.DateTimeField(null=True)),
                ('sent_number', models.FloatField(null=True)),
                ('sent_text', models.TextField(null=True)),
                ('sent_direction', models.SmallIntegerField(null=True)),
            ],
            options={
                'verbose_name_plural': 'series',
                'constraints': [models.UniqueConstraint(fields=('subject_id', 'data_point_id'), name='series_once')],
            },
        ),
        migrations.CreateModel(
            name='SystemChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('external_id', models.CharField(blank=True, max_length=200, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='fleet.system')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Contract',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('active', 'Active'), ('rejected', 'Rejected'), ('revoked', 'Revoked'), ('closed', 'Closed'), ('acknowledged', 'Acknowledged')], default='pending', max_length=12)),
                ('initiator', models.CharField(max_length=10)),
                ('created_at', models.DateTimeField()),
                ('changed_at', models.DateTimeField()),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contracts', to='tenants.company')),
                ('gateway', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contracts', to='fleet.gateway')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['pending', 'active'])), fields=('gateway',), name='open_contract_once')],
            },
        ),
        migrations.CreateModel(
            name='ContractChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('active', 'Active'), ('rejected', 'Rejected'), ('revoked', 'Revoked'), ('closed', 'Closed'), ('acknowledged', 'Acknowledged')], default='pending', max_length=12)),
                ('initiator', models.CharField(max_length=10)),
                ('created_at', models.DateTimeField()),
                ('changed_at', models.DateTimeField()),
                ('company', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.company')),
                ('gateway', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='fleet.gateway')),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='fleet.contract')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='PairingCode',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('digest', models.CharField(max_length=64)),
                ('expires_at', models.DateTimeField()),
                ('wrong_tries', models.PositiveSmallIntegerField(default=0)),
                ('gateway', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='pairing_code', to='fleet.gateway')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Presence',
            fields=[
                ('subject_id', models.UUIDField(primary_key=True, serialize=False)),
                ('organization_id', models.UUIDField()),
                ('gateway_id', models.UUIDField()),
                ('online', models.BooleanField(null=True)),
                ('with_gateway', models.BooleanField(default=False)),
                ('last_seen_at', models.DateTimeField(null=True)),
                ('changed_at', models.DateTimeField(null=True)),
                ('expect_before', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['gateway_id'], name='presence_by_gateway')],
            },
        ),
        migrations.CreateModel(
            name='PresenceSweep',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('resumed_at', models.DateTimeField()),
            ],
        ),
        # Room on each page for the next version of a row: a report then touches no index.
        migrations.RunSQL("alter table fleet_presence set (fillfactor = 70)", migrations.RunSQL.noop),
        pgtrigger.migrations.AddTrigger(
            model_name='system',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "fleet_systemchange" ("created_at", "external_id", "id", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."created_at", NEW."external_id", NEW."id", NEW."name", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id"); RETURN NULL;', hash='517efd69058bd5f894c32927d8230510cb4ecba6', operation='INSERT', pgid='pgtrigger_insert_insert_2c3e0', table='fleet_system', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='system',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "fleet_systemchange" ("created_at", "external_id", "id", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."created_at", NEW."external_id", NEW."id", NEW."name", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id"); RETURN NULL;', hash='37f887dadd1b7a9f494668e3c851410385f7f288', operation='UPDATE', pgid='pgtrigger_update_update_c394d', table='fleet_system', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='system',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "fleet_systemchange" ("created_at", "external_id", "id", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."created_at", OLD."external_id", OLD."id", OLD."name", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id"); RETURN NULL;', hash='6ac812dbbaff21575c74959b6a24d7e1ce920ff3', operation='DELETE', pgid='pgtrigger_delete_delete_62def', table='fleet_system', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='gateway',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "fleet_gatewaychange" ("access_granted", "company_id", "created_at", "firmware", "id", "model", "name", "offline_after", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "protocol", "serial_number", "system_id") VALUES (NEW."access_granted", NEW."company_id", NEW."created_at", NEW."firmware", NEW."id", NEW."model", NEW."name", NEW."offline_after", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."protocol", NEW."serial_number", NEW."system_id"); RETURN NULL;', hash='0060b16c6acec83427f7601b2079cf22347ff7f0', operation='INSERT', pgid='pgtrigger_insert_insert_041bb', table='fleet_gateway', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='gateway',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "fleet_gatewaychange" ("access_granted", "company_id", "created_at", "firmware", "id", "model", "name", "offline_after", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "protocol", "serial_number", "system_id") VALUES (NEW."access_granted", NEW."company_id", NEW."created_at", NEW."firmware", NEW."id", NEW."model", NEW."name", NEW."offline_after", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."protocol", NEW."serial_number", NEW."system_id"); RETURN NULL;', hash='2f87ad219ec2a6fcf1561ea1816331a0b162ad5e', operation='UPDATE', pgid='pgtrigger_update_update_18236', table='fleet_gateway', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='gateway',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "fleet_gatewaychange" ("access_granted", "company_id", "created_at", "firmware", "id", "model", "name", "offline_after", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "protocol", "serial_number", "system_id") VALUES (OLD."access_granted", OLD."company_id", OLD."created_at", OLD."firmware", OLD."id", OLD."model", OLD."name", OLD."offline_after", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."protocol", OLD."serial_number", OLD."system_id"); RETURN NULL;', hash='9751bc6f638db241ad62d6fb34bd42ae10c2aefc', operation='DELETE', pgid='pgtrigger_delete_delete_5b40c', table='fleet_gateway', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='appliance',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "fleet_appliancechange" ("created_at", "gateway_id", "id", "kind", "manufacturer", "model", "name", "offline_after", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "serial_number", "type") VALUES (NEW."created_at", NEW."gateway_id", NEW."id", NEW."kind", NEW."manufacturer", NEW."model", NEW."name", NEW."offline_after", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."serial_number", NEW."type"); RETURN NULL;', hash='a80abe568bc7cfe3d1cfc7e967d13f89f59ee1ed', operation='INSERT', pgid='pgtrigger_insert_insert_0445c', table='fleet_appliance', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='appliance',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "fleet_appliancechange" ("created_at", "gateway_id", "id", "kind", "manufacturer", "model", "name", "offline_after", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "serial_number", "type") VALUES (NEW."created_at", NEW."gateway_id", NEW."id", NEW."kind", NEW."manufacturer", NEW."model", NEW."name", NEW."offline_after", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."serial_number", NEW."type"); RETURN NULL;', hash='1d03b9f7956aea1dc069f3eb68368a831bf87933', operation='UPDATE', pgid='pgtrigger_update_update_cfa6f', table='fleet_appliance', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='appliance',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "fleet_appliancechange" ("created_at", "gateway_id", "id", "kind", "manufacturer", "model", "name", "offline_after", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "serial_number", "type") VALUES (OLD."created_at", OLD."gateway_id", OLD."id", OLD."kind", OLD."manufacturer", OLD."model", OLD."name", OLD."offline_after", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."serial_number", OLD."type"); RETURN NULL;', hash='0542eba263e8e54ccb53903fb2a7262269b7a8ee', operation='DELETE', pgid='pgtrigger_delete_delete_b43c6', table='fleet_appliance', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='datapoint',
            trigger=pgtrigger.compiler.Trigger(name='bump_config', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO tenants_configversion AS v (organization_id, version)\n            VALUES (COALESCE(NEW.organization_id, OLD.organization_id), 1)\n            ON CONFLICT (organization_id) DO UPDATE SET version = v.version + 1;\n            RETURN NULL;\n        ', hash='c4121178ffa3ecef31370488b22a1783fbe34da4', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_bump_config_5c2fd', table='fleet_datapoint', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='datapoint',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "fleet_datapointchange" ("created_at", "expected_interval", "hysteresis", "id", "kind", "max_interval", "min_interval", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "resolution", "threshold", "threshold_kind", "title", "unit") VALUES (NEW."created_at", NEW."expected_interval", NEW."hysteresis", NEW."id", NEW."kind", NEW."max_interval", NEW."min_interval", NEW."name", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."resolution", NEW."threshold", NEW."threshold_kind", NEW."title", NEW."unit"); RETURN NULL;', hash='019b197b58f25ef921c562d7b0e7f8d2c42e30ca', operation='INSERT', pgid='pgtrigger_insert_insert_96764', table='fleet_datapoint', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='datapoint',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "fleet_datapointchange" ("created_at", "expected_interval", "hysteresis", "id", "kind", "max_interval", "min_interval", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "resolution", "threshold", "threshold_kind", "title", "unit") VALUES (NEW."created_at", NEW."expected_interval", NEW."hysteresis", NEW."id", NEW."kind", NEW."max_interval", NEW."min_interval", NEW."name", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."resolution", NEW."threshold", NEW."threshold_kind", NEW."title", NEW."unit"); RETURN NULL;', hash='c85495818656da9c2c7e81a784d755464096062f', operation='UPDATE', pgid='pgtrigger_update_update_6a95d', table='fleet_datapoint', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='datapoint',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "fleet_datapointchange" ("created_at", "expected_interval", "hysteresis", "id", "kind", "max_interval", "min_interval", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "resolution", "threshold", "threshold_kind", "title", "unit") VALUES (OLD."created_at", OLD."expected_interval", OLD."hysteresis", OLD."id", OLD."kind", OLD."max_interval", OLD."min_interval", OLD."name", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."resolution", OLD."threshold", OLD."threshold_kind", OLD."title", OLD."unit"); RETURN NULL;', hash='c5533c23f2497fa355e72adf147a0267262e0d96', operation='DELETE', pgid='pgtrigger_delete_delete_cc0ed', table='fleet_datapoint', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contract',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "fleet_contractchange" ("changed_at", "company_id", "created_at", "gateway_id", "id", "initiator", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "state") VALUES (NEW."changed_at", NEW."company_id", NEW."created_at", NEW."gateway_id", NEW."id", NEW."initiator", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."state"); RETURN NULL;', hash='abe2a208452188969cfb1b5e418035696b48d5f5', operation='INSERT', pgid='pgtrigger_insert_insert_7af79', table='fleet_contract', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contract',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "fleet_contractchange" ("changed_at", "company_id", "created_at", "gateway_id", "id", "initiator", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "state") VALUES (NEW."changed_at", NEW."company_id", NEW."created_at", NEW."gateway_id", NEW."id", NEW."initiator", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."state"); RETURN NULL;', hash='b7d2235c6e18f9da5195eca9d620029cdb792f8d', operation='UPDATE', pgid='pgtrigger_update_update_657f2', table='fleet_contract', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contract',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "fleet_contractchange" ("changed_at", "company_id", "created_at", "gateway_id", "id", "initiator", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "state") VALUES (OLD."changed_at", OLD."company_id", OLD."created_at", OLD."gateway_id", OLD."id", OLD."initiator", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."state"); RETURN NULL;', hash='03cdd625a9df402fa02f7084f463382b2dffae31', operation='DELETE', pgid='pgtrigger_delete_delete_08467', table='fleet_contract', when='AFTER')),
        ),
    ]
