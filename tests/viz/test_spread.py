"""The bars of a change's spread are read as data."""

from viz.charts.spread import layer_bars


def test_a_bar_a_layer_on_a_fixed_scale_and_the_chosen_one_in_colour():
    shares = {"Encoder": [0.0, 0.5], "Cross": [0.25]}
    written = {"Encoder": ["0 %", "50 %"], "Cross": ["25 %"]}
    figure = layer_bars(shares, written, "layer {layer}", ("Encoder", 1))
    (bars,) = figure.data
    assert [tuple(axis) for axis in bars.x] == [("Encoder", "Encoder", "Cross"), ("1", "2", "1")]
    assert list(bars.y) == [0, 0.5, 0.25]
    assert list(bars.text) == ["0 %", "50 %", "25 %"]
    assert list(bars.customdata) == ["Encoder · layer 1", "Encoder · layer 2", "Cross · layer 1"]
    assert bars.marker.color[0] == bars.marker.color[2] != bars.marker.color[1]
    assert figure.layout.yaxis.range == (0, 1.1)
