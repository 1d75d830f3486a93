"""What judgers are taught with: planted violations, another judger's answers, people's labels."""
