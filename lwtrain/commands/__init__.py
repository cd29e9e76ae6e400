"""What `lwtrain` does besides training: each command is a module of this package, called like it.

A module has `main(arguments)`, which reads them with argparse. What takes long to import it imports when it gets there,
so that its `--help` answers at once.
"""

COMMANDS = {
    "compare": "set runs side by side: accuracy over time and over depth, and a table, as HTML or PNG",
    "configs": "list the YAML files that settings come from, or copy some to change them",
    "describe": "show what a run would be: layers, shapes, parameters, memory and the schedule",
    "evaluate": "measure a trained network again, or on pictures of your own",
    "export": "write a trained network for other programs: safetensors, torch.export, ONNX",
    "predict": "say what a trained network takes pictures for: each layer, and the vote",
    "runs": "show the runs below a folder side by side, with the settings that tell them apart",
    "visualize": "draw what a trained network has learned: filters, reconstructions, predictions, ...",
}
"""The commands, and what each is for."""
