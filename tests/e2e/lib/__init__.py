# SPDX-License-Identifier: GPL-2.0-or-later
"""What the demo and the end-to-end scenarios are made of: namespaces, phones,
a PBX, the anchor itself, and the reading of what went over the wire."""
