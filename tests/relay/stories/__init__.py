# SPDX-License-Identifier: MIT
"""What must be true of the relay, one story a function, one subject a file."""
