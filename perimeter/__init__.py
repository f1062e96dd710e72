"""perimeter: Terraform for the trust boundary between SaaS applications."""

from __future__ import annotations

__version__ = "0.1.0.dev0"
