import { Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint';
import { EditorView, ViewPlugin } from '@codemirror/view';
import {
  CodeEditor,
  CodeEditorWrapper,
  IEditorServices
} from '@jupyterlab/codeeditor';
import { ISignal, Signal } from '@lumino/signaling';

import { Problem } from '../../types';

/** A text in JupyterLab's editor, with what is wrong marked at its line. */
export class TextEditor extends CodeEditorWrapper {
  constructor(services: IEditorServices, mimeType: string, label: string) {
    super({
      model: new CodeEditor.Model({ mimeType }),
      factory: options =>
        services.factoryService.newDocumentEditor({
          ...options,
          config: { lineNumbers: true, lineWrap: false, tabFocusable: true }
        })
    });
    this.addClass('jp-OscarEditor');
    this.editor.injectExtension([
      lintGutter(),
      EditorView.contentAttributes.of({ 'aria-label': label }),
      ViewPlugin.define(view => {
        this._view = view;
        return {};
      })
    ]);
    this.model.sharedModel.changed.connect(this._onChanged, this);
  }

  get text(): string {
    return this.model.sharedModel.getSource();
  }
  set text(text: string) {
    if (text !== this.text) {
      this.model.sharedModel.setSource(text);
    }
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Mark the lines that problems name. */
  mark(problems: readonly Problem[]): void {
    if (!this._view) {
      return;
    }
    const { doc } = this._view.state;
    const found: Diagnostic[] = problems.map(({ line, message, hint }) => {
      const at = doc.line(Math.min(doc.lines, Math.max(1, line ?? 1)));
      const indent = at.text.search(/\S|$/);
      return {
        from: Math.min(at.from + indent, at.to),
        to: at.to,
        severity: 'error',
        message: hint ? `${message} ${hint}` : message
      };
    });
    this._view.dispatch(setDiagnostics(this._view.state, found));
  }

  /** Put the cursor at the beginning of a line, counted from 1. */
  go(line: number): void {
    const position = { line: line - 1, column: 0 };
    this.editor.focus();
    this.editor.setCursorPosition(position);
    this.editor.revealPosition(position);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      const { model } = this;
      model.sharedModel.changed.disconnect(this._onChanged, this);
      Signal.clearData(this);
      super.dispose();
      model.dispose();
    }
  }

  private _onChanged(): void {
    this._changed.emit();
  }

  private _view: EditorView | undefined;
  private readonly _changed = new Signal<this, void>(this);
}
