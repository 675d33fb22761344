"""The bucket's lifecycle, acted on by the virtual clock: noncurrent versions go, objects expire and move to archives."""

from datetime import timedelta

from tests.simulation.world import World

NONCURRENT = timedelta(days=30)


def act(world: World) -> None:
    """Do what S3 would have done by now."""
    now = world.clock.now
    for key, versions in list(world.bucket.keys.items()):
        for version in versions[:-1]:
            if version.noncurrent_since and now - version.noncurrent_since > NONCURRENT:
                world.bucket.delete_object(Key=key, VersionId=version.id)
