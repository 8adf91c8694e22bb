"""Conformance kit for readers of `.mla`: small files, what they hold, and a runner that scores any reader."""
