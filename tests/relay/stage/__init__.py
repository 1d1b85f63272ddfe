# SPDX-License-Identifier: MIT
"""What a story is told with: scripted clients and backends, and the relay between them."""
