"""The names of the ImageNet networks, without what it takes to build one."""

from typing import Literal

ImagenetName = Literal["mobilenetv2", "efficientnet-lite0"]
