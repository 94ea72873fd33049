"""Bridges to the decoders and encoders of formats that libvips lacks; one file a codec."""
