"""Bridges to the decoders and encoders of formats that libvips lacks, or that another has sooner; one file a codec."""
