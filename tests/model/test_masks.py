import torch

from model.masks import look_ahead_mask, padding_mask


def test_look_ahead_mask_is_the_lower_triangle() -> None:
    assert look_ahead_mask(3).tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_padding_mask_hides_padding_keys_from_every_head_and_query() -> None:
    mask = padding_mask(torch.tensor([[5, 6, 0], [7, 0, 0]]), pad_id=0)
    assert mask.shape == (2, 1, 1, 3)
    assert mask.dtype == torch.bool
    assert mask[:, 0, 0].tolist() == [[True, True, False], [True, False, False]]


def test_a_decoder_row_sees_what_both_masks_allow() -> None:
    both = look_ahead_mask(3) & padding_mask(torch.tensor([[5, 0, 7]]), pad_id=0)
    assert both[0, 0].tolist() == [
        [True, False, False],
        [True, False, False],
        [True, False, True],
    ]
