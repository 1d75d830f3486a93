"""Studies of alignment: does an update help by a judger that never was the reward?"""
