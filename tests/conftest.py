import os

import pytest
from hypothesis import settings

# How long an example takes depends on the machine and its load: it decides no test.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")


@pytest.fixture(autouse=True, scope="session")
def _images_are_decoded_into_a_folder_of_the_tests(tmp_path_factory):
    before = os.environ.get("MEDKT_CACHE")
    os.environ["MEDKT_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ.pop("MEDKT_CACHE")
    if before is not None:
        os.environ["MEDKT_CACHE"] = before
