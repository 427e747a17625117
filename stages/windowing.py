"""Put the recordings back together from data/raw/ and cut them into data/windows.npz."""

from har.data import windows
from har.data.datasets import DATASETS
from har.params import Params
from stages.common import RAW, WINDOWS, run


def main(params: Params) -> None:
    recordings, digest = DATASETS[params.dataset.name].read_recordings(RAW)
    made = windows.cut_windows(
        recordings,
        size=params.windowing.size,
        overlap=params.windowing.overlap,
        groups=params.windowing.channels,
        dataset=params.dataset.name,
        dataset_digest=digest,
    )
    windows.save(WINDOWS, made)
    print(f"{len(made):,} windows of {made.size} samples, {', '.join(made.channels)}")


if __name__ == "__main__":
    run(main)
