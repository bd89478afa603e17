import {
  LabIcon,
  PanelWithToolbar,
  ReactWidget,
  ToolbarButton
} from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { lookWhileSeen } from '../looking';
import { Usable, Welcome } from './welcome';

/** Pixels from which rows show more columns. */
const WIDE = 420;

/** A section of the sidebar, whole in itself wherever Lab puts it. */
export class Section extends PanelWithToolbar {
  constructor(options: Section.IOptions) {
    super();
    this.id = options.id;
    this.addClass('jp-OscarSection');
    this.title.label = options.label;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', options.label);
    if (options.summary) {
      const summary = ReactWidget.create(options.summary);
      summary.addClass('jp-OscarSection-about');
      this.toolbar.addItem('summary', summary);
    }
    for (const [name, button] of Object.entries(options.buttons ?? {})) {
      this.toolbar.addItem(
        name,
        new ToolbarButton({
          icon: button.icon,
          tooltip: button.label,
          onClick: button.onClick
        })
      );
    }
    const welcome = {
      ...options.welcome,
      isSaid: () => this.node.closest('.jp-OscarSidebar') !== null,
      alone: options.alone
    };
    const { body } = options;
    const isWidget = body instanceof Widget;
    const said = React.createElement(Usable, welcome, isWidget ? null : body);
    this.addWidget(ReactWidget.create(said));
    if (isWidget) {
      this.addWidget(body);
    }
    lookWhileSeen(this, options.welcome.model);
  }

  protected override onResize(message: Widget.ResizeMessage): void {
    super.onResize(message);
    const width = message.width >= 0 ? message.width : this.node.offsetWidth;
    this.toggleClass('jp-mod-wide', width >= WIDE);
  }
}

export namespace Section {
  export interface IOptions {
    id: string;
    label: string;
    body: React.ReactElement | Widget;
    /** What it says while there is no cluster, should it stand elsewhere than in the sidebar. */
    welcome: Welcome.IProps;
    /** Stands in the header, before the buttons. */
    summary?: React.ReactElement;
    /** Whether it has something to show although there is no cluster. */
    alone?: () => boolean;
    buttons?: Record<
      string,
      { icon: LabIcon; label: string; onClick: () => void }
    >;
  }
}
