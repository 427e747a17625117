"""Put the recordings back together from data/raw/ and cut them into data/windows.npz."""

from har.data import windows
from har.data.loading import read_all
from har.params import Params
from har.signals.channels import groups_of
from har.signals.recordings import BASE_CHANNELS
from stages.common import RAW, WINDOWS, run


def main(params: Params) -> None:
    recordings, digest = read_all({name: RAW / name for name in params.dataset.names})
    made = windows.cut_windows(
        recordings,
        size=params.windowing.size,
        overlap=params.windowing.overlap,
        groups=groups_of(BASE_CHANNELS),
        dataset_digest=digest,
    )
    windows.save(WINDOWS, made)
    print(f"{len(made):,} windows of {made.size} samples")


if __name__ == "__main__":
    run(main)
