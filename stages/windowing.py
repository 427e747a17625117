"""Put the recordings back together from data/raw/ and cut them into data/windows.npz."""

from har.data.cutting import cut_to_file
from har.data.loading import pieces_of
from har.params import Params
from har.signals.channels import groups_of
from har.signals.recordings import BASE_CHANNELS
from stages.common import RAW, WINDOWS, run


def main(params: Params) -> None:
    made = cut_to_file(
        WINDOWS,
        pieces_of({name: (RAW / name).absolute() for name in params.dataset.names}),
        size=params.windowing.size,
        overlap=params.windowing.overlap,
        groups=groups_of(BASE_CHANNELS),
        workers=params.workers,
    )
    print(f"{len(made):,} windows of {made.size} samples")


if __name__ == "__main__":
    run(main)
