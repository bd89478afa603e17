import {
  contrast,
  DARK,
  LIGHT,
  paletteColour,
  readable,
  RGB
} from '../../src/jobs/log/colour';

describe('readable', () => {
  const colours = Array.from({ length: 240 }, (_, at) =>
    paletteColour(16 + at)
  );

  it('makes each of the 240 colours readable on any theme', () => {
    const grounds: RGB[] = [
      LIGHT,
      [255, 255, 255],
      DARK,
      [33, 33, 33],
      [0, 0, 0]
    ];
    for (const [at, ground] of grounds.entries()) {
      for (const colour of colours) {
        const shown = readable(colour, at < 2 ? LIGHT : DARK);
        expect(contrast(shown, ground)).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  it('leaves a colour that is readable what it is', () => {
    expect(readable([95, 0, 0], LIGHT)).toEqual([95, 0, 0]);
  });

  it('makes any colour readable on any other', () => {
    for (const colour of colours) {
      expect(contrast(readable(colour, colour), colour)).toBeGreaterThanOrEqual(
        4.5
      );
    }
  });

  it('knows the colours of xterm', () => {
    expect(paletteColour(16)).toEqual([0, 0, 0]);
    expect(paletteColour(196)).toEqual([255, 0, 0]);
    expect(paletteColour(231)).toEqual([255, 255, 255]);
    expect(paletteColour(244)).toEqual([128, 128, 128]);
  });
});
