"""What a frame is: the table, the layouts it is found in, its checks, pixels, sampling and augmentation."""
