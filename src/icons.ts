import { LabIcon } from '@jupyterlab/ui-components';

/** OSCAR: a cloud that runs something. */
export const oscarIcon = new LabIcon({
  name: 'jupyter-oscar:oscar',
  // The style keeps the theme's classes, which colour what is filled, from filling the lines.
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">
  <g class="jp-icon3" stroke="#616161" stroke-width="1.3" stroke-linecap="round" stroke-linejoin="round" style="fill:none">
    <path d="M4.6 12.2H4.2a2.9 2.9 0 0 1-.5-5.75 4.4 4.4 0 0 1 8.5-.55 3.2 3.2 0 0 1-.4 6.3h-.4"/>
    <path d="M6.9 8.2v5.4l4-2.7z"/>
  </g>
</svg>`
});

/** A bucket. */
export const bucketIcon = new LabIcon({
  name: 'jupyter-oscar:bucket',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">
  <g class="jp-icon3" stroke="#616161" stroke-width="1.3" stroke-linecap="round" stroke-linejoin="round" style="fill:none">
    <ellipse cx="8" cy="4.2" rx="5" ry="1.9"/>
    <path d="M3 4.2l1.3 8.2c.2 1 1.8 1.6 3.7 1.6s3.5-.6 3.7-1.6L13 4.2"/>
  </g>
</svg>`
});
