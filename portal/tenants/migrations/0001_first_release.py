import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
import portal.lib.uuid7
import portal.tenants.models
import portal.tenants.redirect_uris
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('tenants', '0001_initial'), ('tenants', '0002_languages_and_salt'), ('tenants', '0003_requires_ownership_check'), ('tenants', '0004_auto_accept_and_redirect_uris')]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        migrations.CreateModel(
            name='Organization',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200, unique=True)),
                ('plan', models.CharField(choices=[('basic', 'Basic'), ('datastreams', 'Datastreams')], default='datastreams', max_length=20)),
                ('inbox_token', models.CharField(default=portal.tenants.models.new_inbox_token, editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('hash_salt', models.CharField(default=portal.tenants.models.new_hash_salt, editable=False, max_length=64)),
                ('languages', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=35, validators=[django.core.validators.RegexValidator('^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\\Z', 'Write a language as en, nl or pt-BR.')]), default=portal.tenants.models.default_languages, size=10, validators=[portal.tenants.models.each_once])),
                ('requires_ownership_check', models.BooleanField(default=False)),
                ('auto_accept_contracts', models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name='Company',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('external_id', models.CharField(blank=True, max_length=200, null=True)),
                ('data_points_enabled', models.BooleanField(default=False)),
                ('daily_aggregates_enabled', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
                ('languages', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=35, validators=[django.core.validators.RegexValidator('^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\\Z', 'Write a language as en, nl or pt-BR.')]), blank=True, default=list, size=10, validators=[portal.tenants.models.each_once])),
                ('redirect_uris', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500, validators=[portal.tenants.redirect_uris.refuse_unsafe]), blank=True, default=list, size=20, validators=[portal.tenants.redirect_uris.each_once])),
            ],
            options={
                'verbose_name_plural': 'companies',
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='company_name_once'), models.UniqueConstraint(fields=('organization', 'external_id'), name='company_external_id_once')],
            },
        ),
        migrations.CreateModel(
            name='ConfigVersion',
            fields=[
                ('organization_id', models.UUIDField(primary_key=True, serialize=False)),
                ('version', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='OrganizationChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('plan', models.CharField(choices=[('basic', 'Basic'), ('datastreams', 'Datastreams')], default='datastreams', max_length=20)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='tenants.organization')),
                ('languages', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=35, validators=[django.core.validators.RegexValidator('^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\\Z', 'Write a language as en, nl or pt-BR.')]), default=portal.tenants.models.default_languages, size=10, validators=[portal.tenants.models.each_once])),
                ('requires_ownership_check', models.BooleanField(default=False)),
                ('auto_accept_contracts', models.BooleanField(default=False)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('email', models.EmailField(max_length=254, unique=True)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('prefix', models.CharField(editable=False, max_length=16, unique=True)),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('ingest', 'Send readings and events in'), ('read', 'Read everything'), ('manage', 'Change configuration'), ('admin', 'Manage API keys')], max_length=10), size=None)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('company', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to='tenants.company')),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='IdempotentAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('organization_id', models.UUIDField()),
                ('caller', models.CharField(max_length=80)),
                ('key', models.CharField(max_length=255)),
                ('request_digest', models.BinaryField(max_length=32)),
                ('status', models.SmallIntegerField(null=True)),
                ('answer', models.TextField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization_id', 'caller', 'key'), name='idempotency_key_once')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, primary_key=True, serialize=False)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Admin'), ('operator', 'Operator'), ('viewer', 'Viewer')], default='viewer', max_length=20)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, to='tenants.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'user'), name='membership_once')],
            },
        ),
        migrations.CreateModel(
            name='MembershipChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Admin'), ('operator', 'Operator'), ('viewer', 'Viewer')], default='viewer', max_length=20)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='tenants.membership')),
                ('user', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='CompanyChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('external_id', models.CharField(blank=True, max_length=200, null=True)),
                ('data_points_enabled', models.BooleanField(default=False)),
                ('daily_aggregates_enabled', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='tenants.company')),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
                ('languages', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=35, validators=[django.core.validators.RegexValidator('^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\\Z', 'Write a language as en, nl or pt-BR.')]), blank=True, default=list, size=10, validators=[portal.tenants.models.each_once])),
                ('redirect_uris', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500, validators=[portal.tenants.redirect_uris.refuse_unsafe]), blank=True, default=list, size=20, validators=[portal.tenants.redirect_uris.each_once])),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ApiKeyChange',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.UUIDField(default=portal.lib.uuid7.uuid7, editable=False, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('prefix', models.CharField(editable=False, max_length=16)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('ingest', 'Send readings and events in'), ('read', 'Read everything'), ('manage', 'Change configuration'), ('admin', 'Manage API keys')], max_length=10), size=None)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ('pgh_context', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context')),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='tenants.apikey')),
                ('company', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.company')),
                ('organization', models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tenants.organization')),
            ],
            options={
                'abstract': False,
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='organization',
            trigger=pgtrigger.compiler.Trigger(name='bump_config', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO tenants_configversion AS v (organization_id, version)\n            VALUES (COALESCE(NEW.id, OLD.id), 1)\n            ON CONFLICT (organization_id) DO UPDATE SET version = v.version + 1;\n            RETURN NULL;\n        ', hash='80977a0693590b0e215984d3b8a43385b2e7e00c', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_bump_config_c6575', table='tenants_organization', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='organization',
            trigger=pgtrigger.compiler.Trigger(name='keep_hash_salt', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."hash_salt" IS DISTINCT FROM (NEW."hash_salt"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='421ad72ecacfc3cde288fc13440c694061c93892', operation='UPDATE', pgid='pgtrigger_keep_hash_salt_ba8f0', table='tenants_organization', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='organization',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "tenants_organizationchange" ("auto_accept_contracts", "created_at", "id", "languages", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan", "requires_ownership_check") VALUES (NEW."auto_accept_contracts", NEW."created_at", NEW."id", NEW."languages", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."plan", NEW."requires_ownership_check"); RETURN NULL;', hash='b4f627892f88275b5b7b2c16a3e83644f8e318b7', operation='INSERT', pgid='pgtrigger_insert_insert_faaa1', table='tenants_organization', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='organization',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."auto_accept_contracts" IS DISTINCT FROM (NEW."auto_accept_contracts") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."languages" IS DISTINCT FROM (NEW."languages") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."plan" IS DISTINCT FROM (NEW."plan") OR OLD."requires_ownership_check" IS DISTINCT FROM (NEW."requires_ownership_check"))', func='INSERT INTO "tenants_organizationchange" ("auto_accept_contracts", "created_at", "id", "languages", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan", "requires_ownership_check") VALUES (NEW."auto_accept_contracts", NEW."created_at", NEW."id", NEW."languages", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."plan", NEW."requires_ownership_check"); RETURN NULL;', hash='11aa02b72330e5a0e740df4449ffb013e97838e7', operation='UPDATE', pgid='pgtrigger_update_update_05cd8', table='tenants_organization', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='organization',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "tenants_organizationchange" ("auto_accept_contracts", "created_at", "id", "languages", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "plan", "requires_ownership_check") VALUES (OLD."auto_accept_contracts", OLD."created_at", OLD."id", OLD."languages", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."plan", OLD."requires_ownership_check"); RETURN NULL;', hash='3f78d49be9b2619902c2015eb1390818f502c053', operation='DELETE', pgid='pgtrigger_delete_delete_3da79', table='tenants_organization', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='company',
            trigger=pgtrigger.compiler.Trigger(name='bump_config', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n            INSERT INTO tenants_configversion AS v (organization_id, version)\n            VALUES (COALESCE(NEW.organization_id, OLD.organization_id), 1)\n            ON CONFLICT (organization_id) DO UPDATE SET version = v.version + 1;\n            RETURN NULL;\n        ', hash='1d74fbac6f812f8b6f86b4d00edf4270929bb83c', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_bump_config_c0aa9', table='tenants_company', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='company',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "tenants_companychange" ("created_at", "daily_aggregates_enabled", "data_points_enabled", "external_id", "id", "languages", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "redirect_uris") VALUES (NEW."created_at", NEW."daily_aggregates_enabled", NEW."data_points_enabled", NEW."external_id", NEW."id", NEW."languages", NEW."name", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."redirect_uris"); RETURN NULL;', hash='bd2e11152b925e0376bb16a96be3a923eb5d5779', operation='INSERT', pgid='pgtrigger_insert_insert_1a68a', table='tenants_company', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='company',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "tenants_companychange" ("created_at", "daily_aggregates_enabled", "data_points_enabled", "external_id", "id", "languages", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "redirect_uris") VALUES (NEW."created_at", NEW."daily_aggregates_enabled", NEW."data_points_enabled", NEW."external_id", NEW."id", NEW."languages", NEW."name", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."redirect_uris"); RETURN NULL;', hash='85603376f576ea7de7f0441c01eac074653250cb', operation='UPDATE', pgid='pgtrigger_update_update_a7763', table='tenants_company', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='company',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "tenants_companychange" ("created_at", "daily_aggregates_enabled", "data_points_enabled", "external_id", "id", "languages", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "redirect_uris") VALUES (OLD."created_at", OLD."daily_aggregates_enabled", OLD."data_points_enabled", OLD."external_id", OLD."id", OLD."languages", OLD."name", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."redirect_uris"); RETURN NULL;', hash='e93d178dc4fb1b83bc9f091ffe3e5c150800e1b1', operation='DELETE', pgid='pgtrigger_delete_delete_ec899', table='tenants_company', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apikey',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "tenants_apikeychange" ("company_id", "created_at", "created_by_id", "expires_at", "id", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prefix", "revoked_at", "scopes") VALUES (NEW."company_id", NEW."created_at", NEW."created_by_id", NEW."expires_at", NEW."id", NEW."name", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."prefix", NEW."revoked_at", NEW."scopes"); RETURN NULL;', hash='052588c017e1e67bb484a9dac124e5e669208db9', operation='INSERT', pgid='pgtrigger_insert_insert_b7e2f', table='tenants_apikey', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apikey',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."company_id" IS DISTINCT FROM (NEW."company_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."organization_id" IS DISTINCT FROM (NEW."organization_id") OR OLD."prefix" IS DISTINCT FROM (NEW."prefix") OR OLD."revoked_at" IS DISTINCT FROM (NEW."revoked_at") OR OLD."scopes" IS DISTINCT FROM (NEW."scopes"))', func='INSERT INTO "tenants_apikeychange" ("company_id", "created_at", "created_by_id", "expires_at", "id", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prefix", "revoked_at", "scopes") VALUES (NEW."company_id", NEW."created_at", NEW."created_by_id", NEW."expires_at", NEW."id", NEW."name", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."prefix", NEW."revoked_at", NEW."scopes"); RETURN NULL;', hash='8ef95d84d27dda59106005776c533ce3394109da', operation='UPDATE', pgid='pgtrigger_update_update_246bc', table='tenants_apikey', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apikey',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "tenants_apikeychange" ("company_id", "created_at", "created_by_id", "expires_at", "id", "name", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prefix", "revoked_at", "scopes") VALUES (OLD."company_id", OLD."created_at", OLD."created_by_id", OLD."expires_at", OLD."id", OLD."name", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."prefix", OLD."revoked_at", OLD."scopes"); RETURN NULL;', hash='d6c8328d662c08910410214a0258f09ce81d4961', operation='DELETE', pgid='pgtrigger_delete_delete_ed5c2', table='tenants_apikey', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='membership',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "tenants_membershipchange" ("created_at", "id", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "user_id") VALUES (NEW."created_at", NEW."id", NEW."organization_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."role", NEW."user_id"); RETURN NULL;', hash='2dcdbf0151301eb82dbb2f2fc0262597296993b1', operation='INSERT', pgid='pgtrigger_insert_insert_65f0e', table='tenants_membership', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='membership',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "tenants_membershipchange" ("created_at", "id", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "user_id") VALUES (NEW."created_at", NEW."id", NEW."organization_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."role", NEW."user_id"); RETURN NULL;', hash='40d57124047439f7335ae168e490a13d6005efb3', operation='UPDATE', pgid='pgtrigger_update_update_38ec7', table='tenants_membership', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='membership',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "tenants_membershipchange" ("created_at", "id", "organization_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "user_id") VALUES (OLD."created_at", OLD."id", OLD."organization_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."role", OLD."user_id"); RETURN NULL;', hash='9a9dae6c878389deb3a957e5ea805df48b712e6a', operation='DELETE', pgid='pgtrigger_delete_delete_efc03', table='tenants_membership', when='AFTER')),
        ),
    ]
