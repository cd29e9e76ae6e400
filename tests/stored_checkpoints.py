"""Files that look to a command line as checkpoints do, made without torch."""

import zipfile
from pathlib import Path


def store_checkpoint(path: Path) -> Path:
    """Write an archive that is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("last/data.pkl", b"numbers" * 20)
        archive.infolist()[0].external_attr = 0  # permissions, of which torch.save sets none
    return path


def damage(path: Path) -> None:
    """Flip a bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
