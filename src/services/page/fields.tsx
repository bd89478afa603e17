import { TranslationBundle } from '@jupyterlab/translation';
import {
  addIcon,
  deleteIcon,
  IFormComponentProps,
  moveDownIcon,
  moveUpIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import { IconButton } from '../../button';

type Templates = Required<NonNullable<IFormComponentProps['templates']>>;
type Props<T> = T extends React.ComponentType<infer P> ? P : never;
type FieldProps = Props<Templates['FieldTemplate']>;
type ObjectProps = Props<Templates['ObjectFieldTemplate']>;
type ArrayProps = Props<Templates['ArrayFieldTemplate']>;

/** What the parts of a form are told. */
export interface IFormContext {
  trans: TranslationBundle;
  /** The ids of the fields that were touched: of the others nothing is wrong yet. */
  touched: ReadonlySet<string>;
  /** Whether all that is wrong is said. */
  all: boolean;
  /** The id of the whole form. */
  root: string;
}

/** A field with its name, what it is and what is wrong with its value. */
function Field(props: FieldProps): React.JSX.Element | null {
  const { id, label, schema, children, rawErrors = [] } = props;
  const { trans, touched, all } = props.formContext as IFormContext;
  if (props.hidden) {
    return null;
  }
  const isAdded = '__additional_property' in schema;
  const wrong = all || touched.has(id) ? [...new Set(rawErrors)] : [];
  const whole = schema.type === 'object' || schema.type === 'array';
  return (
    <div
      className={`jp-OscarField${wrong.length ? ' jp-mod-wrong' : ''}${whole ? ' jp-mod-whole' : ''}`}
    >
      {isAdded ? (
        <input
          className="jp-OscarField-label jp-mod-styled"
          type="text"
          aria-label={trans.__('Name of %1', label)}
          defaultValue={label}
          onBlur={event => {
            props.onKeyChange(event.target.value)();
          }}
        />
      ) : props.displayLabel ? (
        <label className="jp-OscarField-label" htmlFor={id} title={label}>
          {label}
          {props.required && (
            <span className="jp-OscarField-required" aria-hidden="true">
              *
            </span>
          )}
        </label>
      ) : (
        !whole && <span className="jp-OscarField-label" />
      )}
      <div className="jp-OscarField-value">
        {children}
        {schema.description && !whole && props.displayLabel !== false && (
          <p id={`${id}__description`} className="jp-OscarField-note">
            {schema.description}
          </p>
        )}
        <p
          id={`${id}__error`}
          className="jp-OscarField-error"
          aria-live="polite"
          hidden={!wrong.length}
        >
          {wrong.join(' · ')}
        </p>
      </div>
      {isAdded && (
        <IconButton
          icon={deleteIcon}
          label={trans.__('Remove %1', label)}
          onClick={props.onDropPropertyClick(label)}
        />
      )}
    </div>
  );
}

/** Fields that belong together. */
function Together(props: ObjectProps): React.JSX.Element {
  const { title, schema, properties, idSchema } = props;
  const { trans, root } = props.formContext as IFormContext;
  const more =
    typeof schema.additionalProperties === 'object' &&
    (schema.maxProperties === undefined ||
      properties.length < schema.maxProperties);
  return (
    <fieldset
      className={`jp-OscarFields${idSchema.$id === root ? '' : ' jp-mod-inner'}`}
    >
      {title && <legend>{title}</legend>}
      {schema.description && (
        <p className="jp-OscarField-note">{schema.description}</p>
      )}
      {properties.map(({ content }) => content)}
      {more && (
        <IconButton
          icon={addIcon}
          label={trans.__('Add a value to %1', title)}
          onClick={props.onAddClick(schema)}
        />
      )}
    </fieldset>
  );
}

/** As many fields of one kind as one likes. */
function Several(props: ArrayProps): React.JSX.Element {
  const { title, schema, items } = props;
  const { trans } = props.formContext as IFormContext;
  return (
    <fieldset className="jp-OscarFields jp-mod-inner">
      <legend>{title}</legend>
      {schema.description && (
        <p className="jp-OscarField-note">{schema.description}</p>
      )}
      {items.map(item => {
        const { index } = item;
        const name = trans.__('%1 %2', title, index + 1);
        return (
          <div className="jp-OscarFields-item" key={item.key}>
            {item.children}
            {item.hasMoveUp && (
              <IconButton
                icon={moveUpIcon}
                label={trans.__('Move %1 up', name)}
                onClick={item.onReorderClick(index, index - 1)}
              />
            )}
            {item.hasMoveDown && (
              <IconButton
                icon={moveDownIcon}
                label={trans.__('Move %1 down', name)}
                onClick={item.onReorderClick(index, index + 1)}
              />
            )}
            {item.hasRemove && (
              <IconButton
                icon={deleteIcon}
                label={trans.__('Remove %1', name)}
                onClick={item.onDropIndexClick(index)}
              />
            )}
          </div>
        );
      })}
      {props.canAdd && (
        <IconButton
          icon={addIcon}
          label={trans.__('Add to %1', title)}
          onClick={props.onAddClick}
        />
      )}
    </fieldset>
  );
}

export const TEMPLATES = {
  FieldTemplate: Field,
  ObjectFieldTemplate: Together,
  ArrayFieldTemplate: Several
};
