"""The checkpoint that the authors of SINet-V2 published."""

from fgstp.models.published import Published, decoder_rules, texture_rules


def published() -> Published:
    """The published Res2Net model; its classifier of 1000 classes is used by nothing."""
    return Published(
        rules=[
            (r"resnet\.", "encoder.res2net."),
            *(
                rule
                for level in range(3)
                for rule in texture_rules(rf"rfb{level + 2}_1\.", f"encoder.reduce.{level}.")
            ),
            *decoder_rules("", "decoder."),
        ],
        unused=(r"resnet\.fc\..*",),
        settings={"encoder": {"name": "res2net50d"}},
    )
