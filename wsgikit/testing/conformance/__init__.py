"""A battery that runs any WSGI middleware around hostile apps, clients and servers.

It knows nothing of wsgikit and needs neither pytest nor any other package::

    @pytest.mark.parametrize("case", conformance.CASES, ids=str)
    def test_my_middleware(case):
        case.check(MyMiddleware)
"""

from .bench import Middleware
from .case import Case, ConformanceError
from .cases import CASES, check

__all__ = ["CASES", "Case", "ConformanceError", "Middleware", "check"]
