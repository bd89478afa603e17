/** Red, green and blue, each from 0 to 255. */
export type RGB = readonly [number, number, number];

/** What WCAG 2.1 (1.4.3) asks of text. */
const CONTRAST = 4.5;
const BLACK: RGB = [0, 0, 0];
const WHITE: RGB = [255, 255, 255];
/** What a log stands on in themes that are light and in those that are not, the current line's included. */
export const LIGHT: RGB = [238, 238, 238];
export const DARK: RGB = [66, 66, 66];
/** The steps of the colour cube of xterm's 256 colours. */
const STEPS = [0, 95, 135, 175, 215, 255];

/** A colour of xterm's 256 beyond the sixteen that the theme has. */
export function paletteColour(index: number): RGB {
  if (index >= 232) {
    const grey = 8 + 10 * (index - 232);
    return [grey, grey, grey];
  }
  const at = index - 16;
  return [
    STEPS[Math.floor(at / 36)],
    STEPS[Math.floor(at / 6) % 6],
    STEPS[at % 6]
  ];
}

/** The colour, as much lighter or darker as it must be to be read on another. */
export function readable(colour: RGB, on: RGB): RGB {
  if (contrast(colour, on) >= CONTRAST) {
    return colour;
  }
  const to = contrast(WHITE, on) > contrast(BLACK, on) ? WHITE : BLACK;
  for (let part = 0.05; part < 1; part += 0.05) {
    const mixed = mix(colour, to, part);
    if (contrast(mixed, on) >= CONTRAST) {
      return mixed;
    }
  }
  return to;
}

/** The contrast of two colours, from 1 to 21. */
export function contrast(one: RGB, other: RGB): number {
  const [dark, light] = [luminance(one), luminance(other)].sort(
    (a, b) => a - b
  );
  return (light + 0.05) / (dark + 0.05);
}

export function css(colour: RGB): string {
  return `rgb(${colour.join(', ')})`;
}

function mix(one: RGB, other: RGB, part: number): RGB {
  const at = (i: number) => Math.round(one[i] + (other[i] - one[i]) * part);
  return [at(0), at(1), at(2)];
}

function luminance(colour: RGB): number {
  const [red, green, blue] = colour.map(value => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
