"""What was compressed, and what it bought: what a model stores, tensor by tensor, and what its answers cost here.

`patterns` looks at zeros, `stored` describes and compares what two models hold, `cost` measures both in turn. Nothing
here knows a framework: the runners say what their models hold.
"""
