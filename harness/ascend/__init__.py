"""Ascend's offline compiler: its command line described and checked, and what it will make of a model, told without CANN installed."""
