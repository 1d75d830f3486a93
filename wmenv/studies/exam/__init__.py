"""The exam of any judger: planted clips, lawful ones, controls, flips and an attack; its result is a card."""
