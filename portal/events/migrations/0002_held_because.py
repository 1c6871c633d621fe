from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='event',
            name='held_because',
            field=models.TextField(null=True),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(
                condition=models.Q(('held_because__isnull', False)),
                fields=['organization_id', 'id'],
                name='event_held_back',
            ),
        ),
    ]
